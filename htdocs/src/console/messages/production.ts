// Texts of the console: codes and the certificate that is made with them, papers, what can be begun about a certificate.
import { addMessages } from '@/shared/i18n'

addMessages('production', {
  title: ['制证', 'Production'],
  draw: ['生成参考码和授权码', 'Draw the codes'],
  drawAgain: ['重新生成（旧码作废）', 'Draw again (former codes become void)'],
  drawnBefore: ['{at} 已生成过一次；授权码只显示一次，需要时请重新生成。', 'Drawn at {at}; the authorisation code is shown once only, draw again if needed.'],
  once: ['授权码只显示这一次，请现在打印或抄录。', 'The authorisation code is shown this once: print it or write it down now.'],
  printSlip: ['打印密码单', 'Print the slip'],
  csrHint: ['从 EKey 工具导出的 PKCS#10 证书请求，选择文件或粘贴', 'The PKCS#10 request of the EKey’s tool: choose the file or paste it'],
  make: ['制作证书', 'Make the certificate'],
  waiting: ['已提交 CA，正在等待（{seconds} 秒）…', 'With the CA, waiting ({seconds} s)…'],
})
addMessages('slip', {
  title: ['数字证书参考码 / 授权码', 'Reference and authorisation code'],
  until: ['有效期至', 'Valid until'],
  secret: ['授权码是制作证书的凭证，请勿告诉他人；只能使用一次。', 'The authorisation code makes the certificate: keep it secret. It works once.'],
})
addMessages('pair', {
  title: ['加密密钥', 'Encryption key'],
  advice: ['加密密钥由系统生成，用签名证书的密钥封装：下载后用 EKey 工具导入，发放前必须领取。登记发放后私钥即被销毁。',
    'The encryption key was made here and is sealed to the key of the signing certificate. Import it with the EKey’s tool before the hand-over, which erases it here.'],
  fetch: ['下载加密密钥（数字信封）', 'Download the sealed key'],
  signing: ['签名证书', 'Signing certificate'], encryption: ['加密证书', 'Encryption certificate'],
})
addMessages('paper', {
  form: ['业务申请表', 'Application form'],
  completionRecord: ['任务完成记录单', 'Task completion record'],
  productionSheet: ['制证申请表', 'Production sheet'],
  business: ['业务', 'Business'],
  project: ['项目名称', 'Project'],
})
addMessages('certificatePage', {
  origin: ['制作此证书的业务', 'The application it was made for'],
  begin: ['为此证书办理', 'Begin a business about it'],
  history: ['状态变更记录', 'Changes of the status'],
  unchanged: ['制作后没有变更', 'Nothing has changed since it was made'],
  byCa: ['CA 发起，不是本系统办理的', 'by the CA, without an act here'],
  changes: ['更正记录', 'Corrections of the record'],
})
addMessages('life', {
  suspended: ['挂起', 'Suspended'], released: ['解挂', 'Released'], revoked: ['吊销', 'Revoked'],
  abolition_rejected: ['废除未获批准', 'Abolition not approved'],
})
