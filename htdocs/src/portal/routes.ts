// The pages of the portal.
import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/status' },
  { path: '/status', component: () => import('./pages/StatusPage.vue'), meta: { title: 'portal.status' } },
  { path: '/guide', component: () => import('./pages/GuideListPage.vue'), meta: { title: 'portal.guide' } },
  { path: '/guide/:business', component: () => import('./pages/GuidePage.vue'), meta: { title: 'portal.guide' } },
  { path: '/prefill', component: () => import('./pages/PrefillPage.vue'), meta: { title: 'portal.prefill' } },
  { path: '/receipt', component: () => import('./pages/ReceiptPage.vue'), meta: { title: 'portal.receipt' } },
  { path: '/progress', component: () => import('./pages/ProgressPage.vue'), meta: { title: 'portal.progress' } },
  { path: '/downloads', component: () => import('./pages/DownloadsPage.vue'), meta: { title: 'portal.downloads' } },
  { path: '/knowledge', component: () => import('./pages/KnowledgePage.vue'), meta: { title: 'portal.knowledge' } },
  { path: '/knowledge/:slug', component: () => import('./pages/ArticlePage.vue'), meta: { title: 'portal.knowledge' } },
  { path: '/faults', component: () => import('./pages/FaultsPage.vue'), meta: { title: 'portal.faults' } },
  { path: '/certificate-check', component: () => import('./pages/CertificateCheckPage.vue'), meta: { title: 'portal.check' } },
  { path: '/:rest(.*)*', redirect: '/status' },
]
