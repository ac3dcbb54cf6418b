// Texts of the console.
import { addMessages } from '@/shared/i18n'

addMessages('console', {
  title: ['易联众RA 业务台', 'RA staff console'],
  home: ['首页', 'Home'],
})
