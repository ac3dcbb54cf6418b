// The pages of the console.
import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/', component: () => import('./pages/HomePage.vue'), meta: { title: 'console.home' } },
  { path: '/:rest(.*)*', redirect: '/' },
]
