// Texts of the portal.
import { addMessages } from '@/shared/i18n'

addMessages('portal', {
  title: ['山西社保数字证书服务', 'Shanxi social-security certificates'],
  status: ['证书状态查询', 'Certificate status'],
  hotline: ['服务热线 400-0351-838', 'Hotline 400-0351-838'],
})

addMessages('status', {
  subject: ['证书主题名称', 'Subject name'],
  subjectHint: ['单位全称或个人姓名，例如：山西易联众信息技术有限公司', 'The full name, for example 山西易联众信息技术有限公司'],
  number: ['社保编号（可选）', 'Social-security number (optional)'],
  asOf: ['查询时间', 'As of'],
  validity: ['有效期', 'Validity'],
  none: ['没有找到“{name}”的证书', 'No certificate of “{name}” was found'],
  noneAdvice: [
    '请核对名称：须与证书上的名称完全一致。尚未办理的单位和个人请先申请新制证书。',
    'Check the name: it must be exactly the one of the certificate. Who has none yet applies for a new one.',
  ],
  more: ['还有更多证书没有列出，请补充社保编号后再查。', 'There are more; add the social-security number and search again.'],
})
