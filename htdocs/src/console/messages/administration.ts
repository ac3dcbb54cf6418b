// Texts of the console: people, offices, business systems, and the audit log.
import { addMessages } from '@/shared/i18n'

addMessages('admin', {
  personName: ['姓名', 'Name'],
  nameOrNumber: ['姓名或工号', 'Name or staff number'],
  newPerson: ['新建人员', 'New person'],
  newSystem: ['新建业务系统', 'New business system'],
  newOffice: ['新建机构', 'New office'],
  newAgency: ['新建经办单位', 'New agency'],
  offices: ['受理机构', 'Offices'],
  agencies: ['主管社保经办单位', 'Supervising agencies'],
  active: ['启用', 'Active'],
  disabled: ['已停用', 'Disabled'],
  disable: ['停用', 'Disable'],
  enable: ['恢复', 'Enable'],
  disableCertificate: ['永久停用此证书', 'Disable this certificate for ever'],
  bind: ['登记证书', 'Register a certificate'],
  correct: ['更正联系方式', 'Correct the contact'],
  correctionReason: ['更正原因（凭什么材料）', 'Why, and by what papers'],
  self: ['不能修改自己的角色和证书，请由另一位系统管理员办理。', 'Nobody changes their own rights; ask another administrator.'],
})
addMessages('office', { center: ['RA 中心', 'RA centre'], local: ['受理点', 'Local office'] })
addMessages('scope', {
  applications_submit: ['提交业务申请', 'Submit applications'],
  applications_read: ['查看业务申请', 'Read applications'],
  agency_decide: ['代经办单位审批', 'Decide for the agency'],
  applications_produce: ['制证', 'Make certificates'],
  certificates_read: ['查看证书', 'Read certificates'],
})
addMessages('audit', {
  at: ['时间', 'Time'],
  event: ['事件', 'Event'],
  outcome: ['结果', 'Outcome'],
  problem: ['拒绝原因', 'Problem'],
  actor: ['操作者', 'Actor'],
  actorId: ['操作者编号', 'Actor id'],
  object: ['对象', 'Object'],
  objectId: ['对象编号', 'Object id'],
  client: ['客户端', 'Client'],
  batch: ['批次', 'Batch'],
  unsealed: ['未封存', 'not sealed'],
  detail: ['详细', 'Detail'],
  from: ['从', 'From'],
  to: ['至', 'To'],
  done: ['完成', 'done'],
  refused: ['拒绝', 'refused'],
  read: ['读取', 'read'],
  sealedAt: ['封存时间', 'Sealed'],
  events: ['事件数', 'Events'],
  root: ['根哈希', 'Root'],
  key: ['公钥', 'Key'],
  signature: ['签名', 'Signature'],
  download: ['下载检查点文件', 'Download the checkpoints'],
  downloadHint: ['请保存到本系统以外的地方，供 ra-audit verify --checkpoint 核对', 'Keep it outside of this system, for ra-audit verify --checkpoint'],
})
addMessages('event', {
  certificate_issued: ['CA 签发的证书入库', 'Certificate of the CA stored'],
  certificate_adopted: ['人工核实后证书补录', 'Certificate brought in after asking the CA'],
  production_failed: ['制证失败', 'Production failed'],
  surplus_certificate: ['CA 多签发的证书', 'Certificate that nobody asked for'],
  certificate_status_changed: ['证书状态改变', 'Status of a certificate changed'],
  suspension_clock: ['挂起到期处理', 'Suspension ran out'],
  abolition_rejected: ['废除未获批准', 'Abolition not approved'],
  ca_disagreements: ['与 CA 状态核对', 'Compared with the CA'],
  first_administrator: ['首任系统管理员登记', 'First administrator entered'],
})
addMessages('object', {
  application: ['业务申请', 'application'], certificate: ['证书', 'certificate'], subscriber: ['订户', 'subscriber'], person: ['人员', 'person'],
  system: ['业务系统', 'system'], operation: ['CA 任务', 'operation'], bulk_operation: ['批量办理', 'bulk operation'], notice: ['通知', 'notice'],
  prefill: ['预填申请表', 'form'], office: ['机构', 'office'], agency: ['经办单位', 'agency'],
})
