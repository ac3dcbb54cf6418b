// Texts of the portal.
import { addMessages } from '@/shared/i18n'

addMessages('portal', {
  title: ['山西社保数字证书服务', 'Shanxi social-security certificates'],
  navigation: ['服务', 'Services'],
  status: ['证书状态查询', 'Certificate status'],
  guide: ['办事指南', 'How to apply'],
  prefill: ['在线填表', 'Fill in a form'],
  progress: ['进度查询', 'Progress'],
  downloads: ['下载', 'Downloads'],
  knowledge: ['知识库', 'Knowledge'],
  faults: ['故障排查', 'Fault finder'],
  check: ['证书检测', 'Certificate check'],
  receipt: ['受理号', 'Number'],
})

addMessages('status', {
  subject: ['证书主题名称', 'Subject name'],
  subjectHint: ['单位全称或个人姓名，例如：山西易联众信息技术有限公司', 'The full name, for example 山西易联众信息技术有限公司'],
  number: ['社保编号（可选）', 'Social-security number (optional)'],
  asOf: ['查询时间', 'As of'],
  validity: ['有效期', 'Validity'],
  reason: ['吊销原因：', 'Reason:'],
  none: ['没有找到“{name}”的证书', 'No certificate of “{name}” was found'],
  noneAdvice: [
    '请核对名称：须与证书上的名称完全一致。尚未办理的单位和个人请先申请新制证书。',
    'Check the name: it must be exactly the one of the certificate. Who has none yet applies for a new one.',
  ],
  more: ['还有更多证书没有列出，请补充社保编号后再查。', 'There are more; add the social-security number and search again.'],
})

addMessages('guide', {
  intro: ['选择要办理的业务，查看所需材料、环节和费用。', 'Choose a business to see its materials, steps and fee.'],
  hasFee: ['收费', 'With a fee'],
  noFee: ['不收费', 'No fee'],
  stepCount: ['{count} 个环节', '{count} steps'],
  unknown: ['没有这项业务', 'There is no such business'],
  form: ['使用表格：', 'Form: '],
  start: ['在线填表', 'Fill in the form'],
  before: ['办理之前', 'Before'],
  bring: ['需要携带', 'To bring'],
  fee: ['费用', 'Fee'],
  after: ['办理之后', 'Afterwards'],
  steps: ['办理环节', 'Steps'],
  bySystem: ['由系统完成', 'by the system'],
  old: ['原证书：', 'The old certificate: '],
})
addMessages('old', {
  kept: ['继续有效，直至到期', 'runs out by itself'],
  superseded: ['新证书制作后吊销', 'is revoked once the new one is made'],
  lost: ['新证书制作后作废', 'becomes void once the new one is made'],
  by_cause: ['按补发原因处理', 'depends on the cause'],
})

addMessages('prefill', {
  intro: [
    '在网上填好申请表，取得受理号，打印后携带材料到受理点办理。填表不等于提交申请。',
    'Fill in the form, get a number, print it and bring it to the counter with your papers. Filling it in is not yet an application.',
  ],
  autosave: ['填写的内容自动保存在本浏览器中，最多 7 天', 'What you type is kept in this browser, for 7 days at most'],
  continued: ['已恢复上次填写的内容', 'What you typed last time is here again'],
  clear: ['清除并重新填写', 'Clear and start anew'],
  steps: ['填表步骤', 'Steps of the form'],
  step_business: ['业务', 'Business'],
  step_subscriber: ['订户', 'Subscriber'],
  step_certificate: ['证书', 'Certificate'],
  step_check: ['核对', 'Check'],
  handIn: ['取得受理号', 'Get a number'],
  incomplete: ['请返回补充前面的内容。', 'Go back and complete what is missing.'],
  checkHint: ['请核对以下内容。提交后不能在网上修改，可由受理点更正。', 'Check what is below. It cannot be changed here afterwards; the counter can put it right.'],
  choose: ['请选择', 'Please choose'],
  required: ['必填', 'Required'],
  wrongCheck: ['校验位不符，请核对', 'The check character is wrong: please compare'],
  goodCheck: ['✓ 校验通过', '✓ The check character is right'],
  wrongNumber: ['6 至 20 位数字或大写字母', '6 to 20 digits or capital letters'],
  wrongPhone: ['请填写电话号码', 'Give a telephone number'],
  wrongEmail: ['不是有效的电子邮箱', 'Not an e-mail address'],
  wrongSerial: ['十六进制数字 0-9、A-F', 'Hexadecimal digits 0-9, A-F'],
  business: ['办理业务', 'Business'],
  kind: ['证书种类', 'Kind of certificate'],
  usage: ['证书用途', 'Usage'],
  usageHint: ['登录和签名请选择“签名”', 'To log in and sign choose “signing”'],
  holder: ['订户类型', 'Subscriber'],
  holderPerson: ['参保个人', 'Insured person'],
  holderOrganisation: ['参保单位', 'Insured organisation'],
  organisationName: ['单位名称', 'Name of the organisation'],
  personName: ['姓名', 'Name'],
  number: ['社保编号', 'Social-security number'],
  codeType: ['代码类型', 'Type of code'],
  uscc: ['统一社会信用代码', 'Unified social credit code'],
  organisationCode: ['组织机构代码', 'Organisation code'],
  documentType: ['证件类型', 'Type of document'],
  residentId: ['居民身份证', 'Resident identity card'],
  passport: ['护照', 'Passport'],
  otherDocument: ['其他有效证件', 'Other document'],
  document: ['证件号码', 'Number of the document'],
  contact: ['联系人', 'Contact'],
  phone: ['联系电话', 'Telephone'],
  email: ['电子邮箱', 'E-mail'],
  agency: ['主管社保经办单位', 'Supervising agency'],
  agencyHint: ['按所属地区选择', 'By its city'],
  project: ['项目名称', 'Project'],
  subject: ['证书主题名称', 'Subject name of the certificate'],
  subjectHint: ['与证件上的名称一致', 'As on the document'],
  serverHint: ['服务器的域名', 'The host name of the server'],
  oldName: ['原证书主题名称', 'Subject name of the certificate at hand'],
  oldNameHint: ['办理此业务的证书上的名称', 'The name on the certificate that this is about'],
  newName: ['变更后的名称', 'New subject name'],
  serial: ['证书序列号', 'Serial number'],
  serialHint: ['在 EKey 管理工具中可以看到；不知道可不填', 'The tool of the EKey shows it; leave it empty if you do not know'],
  years: ['有效期', 'Validity'],
  yearCount: ['{count} 年', '{count} year(s)'],
  cause: ['补发原因', 'Cause'],
  reason: ['吊销原因', 'Reason of the revocation'],
  tokenSerial: ['损坏的 EKey 编号', 'Serial of the damaged EKey'],
  tokenDate: ['购买日期', 'Date of purchase'],
  tokenHint: ['一年内非人为损坏的，免费更换介质', 'Within a year and without human fault the token is replaced free'],
  tokenFault: ['人为损坏', 'Damaged by human fault'],
  note: ['备注', 'Note'],
})

addMessages('receipt', {
  title: ['申请表已填写', 'The form is filled in'],
  once: ['校验码只显示这一次，并印在您留存的第三联上；凭受理号和校验码后六位可查询进度。',
    'The code is shown this once and printed on copy 3; number and its last six digits tell the progress.'],
  qr: ['受理号和校验码的二维码', 'QR code of number and code'],
  print: ['打印申请表（三联）', 'Print the form (three copies)'],
  another: ['再填一份', 'Fill in another'],
  next: ['接下来', 'What to do next'],
  none: ['没有可显示的受理号', 'There is no number to show'],
  noneAdvice: ['受理号只在填表的窗口中显示。请凭打印的申请表办理，或重新填写。',
    'A number is shown in the tab where the form was filled in. Use the printed form, or fill it in anew.'],
})
addMessages('print', {
  number: ['受理号', 'Number'],
  code: ['校验码', 'Code'],
  expires: ['有效期至', 'Valid until'],
})

addMessages('progress', {
  tail: ['后六位', 'Last six'],
  tailHint: ['校验码的后六位数字，或社保编号的后六位', 'The last six digits of the code, or the last six characters of the social-security number'],
  wrongNumber: ['受理号为 16 位数字，请核对', 'A number has 16 digits: please compare'],
  wrongTail: ['请填写六位数字或字母', 'Give six digits or letters'],
  form: ['预填的申请表', 'Form filled in beforehand'],
  reason: ['退回原因', 'Reason'],
  guidance: ['办理指引', 'What to do'],
  done: ['已完成', 'done'],
  current: ['办理中', 'now'],
  open: ['未开始', 'to come'],
  updated: ['更新时间', 'Updated'],
})
addMessages('state', { filled_in: ['已填表', 'Filled in'] })

addMessages('downloads', {
  intro: ['下载后请核对 SHA-256 是否与此处一致。', 'Compare the SHA-256 of what you downloaded with the one shown here.'],
  empty: ['暂时没有可下载的文件', 'There is nothing to download for now'],
  version: ['版本', 'version'],
  authority: ['CA 证书和吊销列表', 'Certificates and revocation list of the CA'],
  notYet: ['尚未取得 CA 证书', 'Not fetched yet'],
  save: ['下载证书（PEM）', 'Download the certificate (PEM)'],
  crl: ['下载证书吊销列表（CRL）', 'Download the revocation list (CRL)'],
})
addMessages('category', {
  driver: ['驱动程序', 'Drivers'],
  form: ['表格', 'Forms'],
  certificate: ['证书', 'Certificates'],
  manual: ['手册', 'Manuals'],
})
addMessages('section', { knowledge: ['证书知识', 'About certificates'], troubleshooting: ['常见问题', 'Troubleshooting'] })

addMessages('faults', {
  code: ['错误代码', 'Error code'],
  hint: ['例如 -10101011，有无负号均可', 'For example -10101011, with or without the minus sign'],
  causes: ['可能的原因', 'Causes'],
  remedies: ['解决办法', 'What to do'],
  more: ['详细说明', 'More about it'],
  none: ['没有这个错误代码', 'Nobody knows this code'],
  noneAdvice: ['请核对代码，或查看', 'Check the code, or look at'],
})

addMessages('check', {
  intro: [
    '登录时证书被拒绝，浏览器只显示连接错误？在这里上传证书，查看原因和解决办法。',
    'Was your certificate refused with nothing but a connection error? Upload it here and read what is wrong and what to do.',
  ],
  step1: ['在 EKey 的管理工具或浏览器的证书列表中导出证书（.cer），不要导出私钥',
    'Export the certificate (.cer) from the tool of the EKey or the browser, without the private key'],
  step2: ['选择导出的文件，系统立即检测，不保存文件', 'Choose the file; it is checked at once and not kept'],
  noKey: ['不要上传 .pfx、.p12 等含有私钥的文件。', 'Never upload .pfx or .p12 files: they hold the private key.'],
  choose: ['选择证书文件', 'Choose the certificate file'],
  busy: ['正在检测 {name}…', 'Checking {name}…'],
  tooLarge: ['文件过大，不是证书文件（最大 64 KiB）', 'The file is too large for a certificate (64 KiB at most)'],
  usable: ['此证书可以用于登录', 'This certificate can be used to log in'],
  usableAdvice: ['如果仍不能登录，请关闭浏览器后重新打开，选择此证书。', 'If it still fails, close the browser, open it again and choose this certificate.'],
  refused: ['此证书不能用于登录', 'This certificate cannot be used to log in'],
  subject: ['主题', 'Subject'],
  issuer: ['颁发者', 'Issuer'],
  serial: ['序列号', 'Serial number'],
})
