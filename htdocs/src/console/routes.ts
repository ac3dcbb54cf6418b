// The pages of the console, and who finds them in the menu. (What a person may do is decided by the server.)
import type { RouteRecordRaw } from 'vue-router'

export interface MenuItem {
  path: string
  title: string
  roles?: string[]
}

const CASES = ['acceptor', 'entry_officer', 'review_officer', 'issuing_officer', 'archivist', 'hotline_agent', 'manager', 'auditor',
  'agency']

export const menu: MenuItem[] = [
  { path: '/', title: 'console.home' },
  { path: '/new', title: 'console.new', roles: ['acceptor'] },
  { path: '/applications', title: 'console.applications', roles: [...CASES, 'technician'] },
  { path: '/bulk-operations', title: 'console.bulk', roles: ['agency', 'review_officer', 'auditor'] },
  { path: '/subscribers', title: 'console.subscribers', roles: CASES },
  { path: '/certificates', title: 'console.certificates', roles: CASES },
  { path: '/production-sheet', title: 'console.sheet', roles: ['review_officer', 'issuing_officer', 'archivist', 'manager', 'auditor'] },
  { path: '/clock', title: 'console.clock', roles: ['manager', 'auditor'] },
  { path: '/notices?state=open', title: 'console.notices',
    roles: ['acceptor', 'entry_officer', 'issuing_officer', 'hotline_agent', 'manager', 'auditor'] },
  { path: '/reports', title: 'console.reports', roles: ['manager', 'auditor'] },
  { path: '/upstream', title: 'console.upstream', roles: ['manager', 'administrator', 'auditor'] },
  { path: '/operations', title: 'console.operations', roles: ['issuing_officer', 'manager', 'administrator', 'auditor'] },
  { path: '/people', title: 'console.people', roles: ['administrator', 'auditor'] },
  { path: '/offices', title: 'console.offices', roles: ['administrator', 'auditor', 'manager'] },
  { path: '/systems', title: 'console.systems', roles: ['administrator', 'auditor'] },
  { path: '/audit', title: 'console.audit', roles: ['auditor'] },
  { path: '/checkpoints', title: 'console.checkpoints', roles: ['auditor'] },
]

export const routes: RouteRecordRaw[] = [
  { path: '/', component: () => import('./pages/HomePage.vue'), meta: { title: 'console.home' } },
  { path: '/new', component: () => import('./pages/NewApplicationPage.vue'), meta: { title: 'console.new' } },
  { path: '/applications', component: () => import('./pages/ApplicationsPage.vue'), meta: { title: 'console.applications' } },
  { path: '/applications/:id', component: () => import('./pages/ApplicationPage.vue'), props: true,
    meta: { title: 'console.application' } },
  { path: '/prefills/:typed', component: () => import('./pages/PrefillPage.vue'), props: true, meta: { title: 'prefilled.title' } },
  { path: '/bulk-operations', component: () => import('./pages/BulkOperationsPage.vue'), meta: { title: 'console.bulk' } },
  { path: '/bulk-operations/:id', component: () => import('./pages/BulkOperationPage.vue'), props: true, meta: { title: 'console.bulk' } },
  { path: '/subscribers', component: () => import('./pages/SubscribersPage.vue'), meta: { title: 'console.subscribers' } },
  { path: '/subscribers/:id', component: () => import('./pages/SubscriberPage.vue'), props: true, meta: { title: 'console.subscriber' } },
  { path: '/certificates', component: () => import('./pages/CertificatesPage.vue'), meta: { title: 'console.certificates' } },
  { path: '/certificates/:id', component: () => import('./pages/CertificatePage.vue'), props: true,
    meta: { title: 'console.certificate' } },
  { path: '/clock', component: () => import('./pages/ClockPage.vue'), meta: { title: 'console.clock' } },
  { path: '/reports', component: () => import('./pages/ReportsPage.vue'), meta: { title: 'console.reports' } },
  { path: '/notices', component: () => import('./pages/NoticesPage.vue'), meta: { title: 'console.notices' } },
  { path: '/upstream', component: () => import('./pages/UpstreamPage.vue'), meta: { title: 'console.upstream' } },
  { path: '/operations', component: () => import('./pages/OperationsPage.vue'), meta: { title: 'console.operations' } },
  { path: '/people', component: () => import('./pages/PeoplePage.vue'), meta: { title: 'console.people' } },
  { path: '/people/:id', component: () => import('./pages/PrincipalPage.vue'), props: (to) => ({ id: to.params.id, kind: 'people' }),
    meta: { title: 'console.people' } },
  { path: '/systems', component: () => import('./pages/SystemsPage.vue'), meta: { title: 'console.systems' } },
  { path: '/systems/:id', component: () => import('./pages/PrincipalPage.vue'), props: (to) => ({ id: to.params.id, kind: 'systems' }),
    meta: { title: 'console.systems' } },
  { path: '/offices', component: () => import('./pages/OfficesPage.vue'), meta: { title: 'console.offices' } },
  { path: '/audit', component: () => import('./pages/AuditPage.vue'), meta: { title: 'console.audit' } },
  { path: '/checkpoints', component: () => import('./pages/CheckpointsPage.vue'), meta: { title: 'console.checkpoints' } },
  { path: '/applications/:id/form', component: () => import('./pages/papers/FormPage.vue'), meta: { title: 'paper.form' } },
  {
    path: '/applications/:id/completion-record', component: () => import('./pages/papers/CompletionRecordPage.vue'),
    meta: { title: 'paper.completionRecord' },
  },
  { path: '/production-sheet', component: () => import('./pages/papers/ProductionSheetPage.vue'),
    meta: { title: 'paper.productionSheet' } },
  { path: '/:rest(.*)*', redirect: '/' },
]
