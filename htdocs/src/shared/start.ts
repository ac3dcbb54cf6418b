// Starts an entry: element-plus in the chosen language, the router (the path is behind the #, so the server needs no rules for
// it and learns nothing of what a person looks for), and a word to the person when a chunk is gone after an update.
import { createApp, watch, type Component } from 'vue'
import { createRouter, createWebHashHistory, type Router, type RouteRecordRaw } from 'vue-router'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './theme.css'
import './messages'
import './theme'
import { i18n, language } from './i18n'
import { begin } from './pending'
import { loadRegions } from './regions'

export function startEntry(root: Component, routes: RouteRecordRaw[], title: string): Router {
  const router = createRouter({ history: createWebHashHistory(), routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } })
  let arrived = () => {}
  router.beforeEach(() => {
    arrived()
    arrived = begin()
  })
  router.onError(() => arrived())
  const nameDocument = () => {
    const { title: key } = router.currentRoute.value.meta
    document.title = [typeof key === 'string' && i18n.global.t(key), i18n.global.t(title)].filter(Boolean).join(' - ')
  }
  watch(language, nameDocument, { flush: 'post' })
  router.afterEach((to, from) => {
    arrived()
    nameDocument()
    if (from.name !== undefined && to.path !== from.path) document.getElementById('main')?.focus({ preventScroll: true })
  })
  addEventListener('vite:preloadError', (event) => {
    event.preventDefault()
    document.dispatchEvent(new CustomEvent('ra-new-version'))
  })
  void loadRegions()
  createApp(root).use(i18n).use(router).mount('#app')
  return router
}
