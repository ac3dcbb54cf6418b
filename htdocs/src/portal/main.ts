// The subscriber portal: pages that need no login, on the public host.
import { startEntry } from '@/shared/start'
import './messages'
import PortalApp from './PortalApp.vue'
import { routes } from './routes'

startEntry(PortalApp, routes, 'portal.title')
