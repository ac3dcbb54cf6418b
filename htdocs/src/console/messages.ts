// Texts of the console.
import { addMessages } from '@/shared/i18n'

addMessages('console', {
  title: ['易联众RA 业务台', 'RA staff console'],
  home: ['首页', 'Home'],
})
addMessages('paper', {
  form: ['业务申请表', 'Application form'],
  completionRecord: ['任务完成记录单', 'Task completion record'],
  productionSheet: ['制证申请表', 'Production sheet'],
  business: ['业务', 'Business'],
  project: ['项目名称', 'Project'],
})
