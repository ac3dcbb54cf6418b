// The pages of the console.
import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/', component: () => import('./pages/HomePage.vue'), meta: { title: 'console.home' } },
  { path: '/applications/:id/form', component: () => import('./pages/papers/FormPage.vue'), meta: { title: 'paper.form' } },
  {
    path: '/applications/:id/completion-record', component: () => import('./pages/papers/CompletionRecordPage.vue'),
    meta: { title: 'paper.completionRecord' },
  },
  { path: '/production-sheet', component: () => import('./pages/papers/ProductionSheetPage.vue'), meta: { title: 'paper.productionSheet' } },
  { path: '/:rest(.*)*', redirect: '/' },
]
