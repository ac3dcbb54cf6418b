// Texts of the console: notices, deadlines and reports.
import { addMessages } from '@/shared/i18n'

addMessages('notices', {
  open: ['还没有告知', 'Not told yet'], kind: ['事由', 'About'], text: ['内容', 'What to say'], told: ['已告知', 'Told'],
  tell: ['登记已告知', 'Note as told'],
  tellTitle: ['登记已告知订户', 'The subscriber was told'], channel: ['告知方式', 'How'],
})
addMessages('notice', {
  suspension_30_days: ['挂起 30 天后到期', 'Suspension ends in 30 days'], suspension_7_days: ['挂起 7 天后到期', 'Suspension ends in 7 days'],
  suspension_waits: ['挂起期满，等待在办业务', 'Suspension over, waits'], suspension_ends: ['挂起期满解挂', 'Released'],
  suspension_abolition: ['证书废除待审批', 'Abolition awaits approval'],
})
addMessages('channel', { phone: ['电话', 'Telephone'], counter: ['柜台', 'Counter'], letter: ['信函', 'Letter'], email: ['电子邮件', 'E-mail'],
  other: ['其他', 'Other'] })
addMessages('clock', {
  suspended: ['挂起中的证书', 'Suspended certificates'],
  rule: ['挂起最长 6 个月，到期自动解挂；证书在挂起期间到期的，由部门经理审批废除。',
    'A suspension lasts six months at most and is then released; when the certificate ends before that, the manager decides.'],
  expiring: ['即将到期的证书', 'Certificates that end soon'],
  within: ['{days} 天内', 'within {days} days'], all: ['全部', 'all'], days: ['还有 {days} 天', '{days} days left'],
  since: ['挂起时间', 'Suspended'], until: ['挂起期满', 'Until'], left: ['剩余天数', 'Days left'], none: ['没有即将到期的证书', 'None ends soon'],
  noneSuspended: ['没有挂起的证书', 'None is suspended'],
  moreSuspended: ['这里只列最先到期的 {rows} 件，全部见证书列表', 'These are the {rows} that end first; all are in the list of certificates'],
  week: ['到期周（首日）', 'Week of the end (first day)'],
})
addMessages('reports', {
  business: ['按业务', 'By business'], step: ['按环节', 'By step'], state: ['按状态', 'By state'], region: ['按地区', 'By region'],
  kind: ['按证书种类', 'By kind'], week: ['按周', 'By week'],
  count: ['申请数', 'Applications'], open: ['其中未办结', 'of these open'],
})
