// The staff console: pages on the staff host for people with their own certificate.
import { startEntry } from '@/shared/start'
import './messages'
import ConsoleApp from './ConsoleApp.vue'
import { routes } from './routes'

startEntry(ConsoleApp, routes, 'console.title')
