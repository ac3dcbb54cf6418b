// Texts that both entries use: the words of the API's lists of values, states of a page, buttons.
import { addMessages } from './i18n'

addMessages('common', {
  close: ['关闭', 'Close'],
  cancel: ['取消', 'Cancel'],
  save: ['保存', 'Save'],
  search: ['查询', 'Search'],
  retry: ['重试', 'Try again'],
  reload: ['重新读取', 'Read again'],
  print: ['打印', 'Print'],
  copy: ['复制', 'Copy'],
  copied: ['已复制', 'Copied'],
  back: ['返回', 'Back'],
  next: ['下一步', 'Next'],
  more: ['更多', 'More'],
  loading: ['正在读取…', 'Reading…'],
  slow: ['比平时慢，请稍候；已等待 {seconds} 秒', 'Slower than usual, please wait; {seconds} s so far'],
  empty: ['没有内容', 'Nothing here'],
  required: ['必填', 'Required'],
  chooseFile: ['选择文件', 'Choose a file'],
  noFile: ['还没有选择', 'none chosen'],
  yes: ['是', 'Yes'],
  no: ['否', 'No'],
  skip: ['跳到正文', 'Skip to the content'],
  language: ['English', '中文'],
  largeText: ['大字', 'Large text'],
  scheme: ['配色', 'Colours'],
  schemeAuto: ['跟随系统', 'As the system'],
  schemeLight: ['浅色', 'Light'],
  schemeDark: ['深色', 'Dark'],
  looks: ['显示设置', 'Display'],
  trace: ['追踪号', 'Trace id'],
  newVersion: ['系统已更新，请保存好填写的内容后重新打开本页', 'The system was updated: keep what you typed and open this page again'],
})

addMessages('failure', {
  offline: ['网络中断', 'No connection'],
  offlineAdvice: [
    '没有收到服务器的回答：请检查网络；如果使用 EKey，请确认它仍插在电脑上。填写的内容都还在，恢复后点“重试”。',
    'The server did not answer: check the network and, with an EKey, that it is still plugged in. What you typed is still here; then try again.',
  ],
  timeout: ['服务器没有及时回答', 'The server took too long'],
  timeoutAdvice: ['填写的内容都还在，请稍后点“重试”；重复提交不会办理两次。', 'What you typed is still here. Try again later; submitting again does nothing twice.'],
  unreadable: ['服务器的回答无法识别', 'The answer cannot be read'],
  unreadableAdvice: ['请稍后重试；仍不行请把时间告诉系统管理员。', 'Try again later; if it stays, tell the administrator the time.'],
  retryAfter: ['请在 {seconds} 秒后重试', 'Try again in {seconds} s'],
  places: ['请改正标出的内容', 'Please correct what is marked'],
})

addMessages('kind', { person: ['个人', 'Person'], organisation: ['单位', 'Organisation'], server: ['服务器', 'Server'] })
addMessages('usage', { signing: ['签名', 'Signing'], encryption: ['加密', 'Encryption'], pair: ['双证书', 'Signing and encryption'] })
addMessages('certificate', {
  pending: ['新申请', 'Pending'],
  valid: ['证书使用中', 'Valid'],
  suspended: ['挂起', 'Suspended'],
  expired: ['已过期', 'Expired'],
  not_yet_valid: ['尚未生效', 'Not yet valid'],
  revoked: ['已吊销', 'Revoked'],
})
addMessages('state', {
  awaiting_agency: ['待经办单位审批', 'Awaiting agency'],
  awaiting_acceptance: ['待受理', 'Awaiting acceptance'],
  awaiting_entry: ['待录入', 'Awaiting entry'],
  awaiting_review: ['待审核', 'Awaiting review'],
  in_execution: ['CA 处理中', 'At the CA'],
  awaiting_production: ['待制证', 'Awaiting production'],
  in_production: ['制证中', 'In production'],
  awaiting_handover: ['待发放', 'Awaiting handover'],
  awaiting_registration: ['待登记', 'Awaiting registration'],
  awaiting_operation: ['待操作', 'Awaiting operation'],
  awaiting_archive: ['待归档', 'Awaiting archive'],
  awaiting_completion: ['待办结', 'Awaiting completion'],
  completed: ['已办结', 'Completed'],
  rejected: ['已退回', 'Rejected'],
  withdrawn: ['已撤回', 'Withdrawn'],
})
addMessages('material', {
  application_form: ['申请表', 'Application form'],
  organisation_code_certificate: ['组织机构代码证副本复印件', 'Copy of the organisation code certificate'],
  business_licence: ['营业执照副本复印件', 'Copy of the business licence'],
  officer_id: ['社保专员身份证（或其他有效证件）复印件', "Copy of the officer's ID"],
  applicant_id: ['申请人身份证（或其他有效证件）复印件', "Copy of the applicant's ID"],
  icp_licence: ['ICP 许可证复印件', 'Copy of the ICP licence'],
  wire_voucher: ['电汇凭证复印件', 'Copy of the wire voucher'],
})
addMessages('cause', { lost: ['丢失', 'Lost'], damaged: ['损坏', 'Damaged'], changed: ['变更', 'Changed'] })
addMessages('revocation_reason', {
  unspecified: ['未说明', 'Unspecified'],
  key_compromise: ['密钥泄露', 'Key compromised'],
  affiliation_changed: ['隶属关系变更', 'Affiliation changed'],
  superseded: ['已被新证书取代', 'Superseded'],
  cessation_of_operation: ['停止使用', 'No longer used'],
})
addMessages('id_document', { resident_id: ['居民身份证', 'Resident ID'], passport: ['护照', 'Passport'], other: ['其他有效证件', 'Another document'] })
addMessages('role', {
  acceptor: ['受理人员', 'Acceptor'],
  entry_officer: ['证书录入管理员', 'Entry officer'],
  review_officer: ['证书审核管理员', 'Review officer'],
  issuing_officer: ['制证人员', 'Issuing officer'],
  archivist: ['档案管理员', 'Archivist'],
  hotline_agent: ['热线人员', 'Hotline agent'],
  technician: ['技术人员', 'Technician'],
  field_engineer: ['现场服务人员', 'Field engineer'],
  marketing: ['市场人员', 'Marketing'],
  manager: ['部门经理', 'Manager'],
  administrator: ['系统管理员', 'Administrator'],
  auditor: ['审计员', 'Auditor'],
  agency: ['主管社保经办单位', 'Agency'],
})
