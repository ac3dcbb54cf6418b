// The pages of the portal.
import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/status' },
  { path: '/status', component: () => import('./pages/StatusPage.vue'), meta: { title: 'portal.status' } },
  { path: '/:rest(.*)*', redirect: '/status' },
]
