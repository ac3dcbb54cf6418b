// Starts an entry: element-plus in the chosen language, the router (the path is behind the #, so the server needs no rules for
// it and learns nothing of what a person looks for), and a word to the person when a chunk is gone after an update.
import { createApp, type Component } from 'vue'
import { createRouter, createWebHashHistory, type Router, type RouteRecordRaw } from 'vue-router'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './theme.css'
import './messages'
import './theme'
import { i18n } from './i18n'
import { loadRegions } from './regions'

export function startEntry(root: Component, routes: RouteRecordRaw[], title: string): Router {
  const router = createRouter({ history: createWebHashHistory(), routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } })
  router.afterEach((to, from) => {
    const name = typeof to.meta.title === 'string' ? i18n.global.t(to.meta.title) : ''
    document.title = name ? `${name} - ${i18n.global.t(title)}` : i18n.global.t(title)
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
