// Texts of the console: a new application, a form filled in beforehand, the steps of one application, the review of several.
import { addMessages } from '@/shared/i18n'

addMessages('new', {
  form: ['表格：', 'Form:'],
  fee: ['需要缴费', 'with a fee'],
  noFee: ['不收费', 'no fee'],
  agency: ['需经办单位审批', 'needs the agency’s approval'],
  certificate: ['要办理的证书', 'The certificate'],
  certificateSearch: ['证书名称、序列号或社保编号', 'Subject name, serial or social-security number'],
  noCertificate: ['没有找到证书，请核对名称、序列号或社保编号', 'No certificate was found: compare name, serial or social-security number'],
  looking: ['正在查询社保编号…', 'Looking for the social-security number…'],
  known: ['已登记的订户，空白处已按登记信息填写，请核对：', 'A registered subscriber; what was empty is filled in from its record, please compare:'],
  open: ['办理中：', 'Open:'],
  chosen: ['已选择：', 'Chosen:'],
  chooseCertificate: ['请先查询并选择证书', 'Search and choose the certificate first'],
  notFit: ['（此状态的证书不能办理该业务）', '(not in a state for this business)'],
  nameHint: ['不填则名称不变', 'Empty: the name stays'],
  submit: ['提交申请', 'Submit'],
})
addMessages('prefilled', {
  title: ['预填的申请表', 'Form filled in beforehand'],
  note: ['订户于 {at} 在网上填写，{until} 前有效；核对证件后办成申请，受理号不变',
    'Filled in by the subscriber at {at}, valid until {until}; compare it with the papers, the number stays the same'],
  certificate: ['办理此业务的证书', 'The certificate that this is about'],
  none: ['没有找到订户所写的证书，请核对后另行新建申请。', 'No certificate fits what the subscriber wrote: check it and enter the application by hand.'],
  make: ['办成申请', 'Make it an application'],
})
addMessages('step', {
  bar: ['办理环节', 'Steps'],
  now: ['办理：{step}', 'To do: {step}'],
  do: ['提交{step}', 'Submit: {step}'],
  reject: ['退回', 'Reject'],
  done: ['“{step}”已完成，现在：{state}', '“{step}” is done; now: {state}'],
  also: ['也可以：', 'Also possible:'],
  withdrawal: ['撤回申请', 'Withdrawal'],
  rejectedBy: ['已在“{step}”退回（{name}，{at}）', 'Rejected at “{step}” ({name}, {at})'],
  catalogue: ['退回原因（从目录选择，可再修改）', 'Reason (out of the catalogue, can be changed)'],
  guidanceHint: ['告诉订户怎样才能办成', 'What the subscriber can do to succeed'],
  linesHint: ['每行一个', 'One a line'],
  materials: ['证明材料', 'Materials'],
  allSealed: ['全部收到并已盖章', 'All received and sealed'],
  allSigned: ['全部收到，申请表已签名', 'All received, form signed'],
  received: ['已收到', 'received'],
  notReceived: ['未收到', 'not received'],
  sealed: ['已盖公章', 'sealed'],
  signed: ['已签名', 'signed'],
  correctionHint: ['修改后，此前的审批和审核作废，从头办理。', 'A correction cancels all approvals; everything begins anew.'],
  nothingChanged: ['没有修改任何内容', 'Nothing was changed'],
})
addMessages('act', {
  submission: ['提交申请', 'Submission'],
  edit: ['修改申请', 'Correction'],
  made: ['CA 已签发', 'Issued by the CA'],
  not_made: ['CA 没有签发', 'Not issued by the CA'],
  withdrawal: ['撤回申请', 'Withdrawal'],
  codes: ['生成参考码和授权码', 'Codes drawn'],
  production: ['制证', 'Production'],
  execution: ['CA 处理', 'At the CA'],
  changed: ['修改了：', 'Changed:'],
})
addMessages('outcome', {
  done: ['完成', 'done'], rejected: ['退回', 'rejected'], failed: ['失败', 'failed'], refused: ['不符合审核的内容', 'not as approved'],
  requested: ['已向 CA 申请', 'asked of the CA'], issued: ['证书已入库', 'stored'], adopted: ['人工核实后补录', 'brought in after asking the CA'],
  settled: ['人工核实', 'settled after asking the CA'], unknown: ['结果未知', 'outcome unknown'], not_sent: ['没有发出', 'not sent'],
  superfluous: ['已无需办理', 'no longer needed'],
})
addMessages('actor', {
  person: ['人员', 'person'], system: ['业务系统', 'business system'], ra: ['系统自动', 'by itself'], unknown: ['未登录', 'without login'],
})
addMessages('obstacle', {
  waits: ['“{step}”由系统自动完成，请稍候。', '“{step}” is done by the RA itself; please wait.'],
  role: ['下一环节“{step}”由{roles}办理。', 'The next step, “{step}”, is done by: {roles}.'],
  hands: ['您办理了“{other}”，“{step}”必须由另一位人员办理（岗位分离）。', 'You did “{other}”; another person must do “{step}” (four eyes).'],
  same: ['“{step}”由办理“{other}”的人员办理（{name}）。', '“{step}” is done by who did “{other}” ({name}).'],
  other: ['“{step}”现在不能由您办理，例如不在您的地区。', '“{step}” cannot be done by you now, for example because of the region.'],
})
addMessages('sign', {
  optional: ['用我的证书签名（可选）', 'Sign with my certificate (optional)'],
  demanded: ['用我的证书签名（必须：没有签名不能提交审核意见）', 'Sign with my certificate (required: no review is taken without)'],
  oneByOne: ['本系统要求审核人对每件申请签名，请逐件打开审核。', 'Each review is to be signed here: open the applications one by one.'],
  first: ['请先选择审核决定。', 'Choose the decision first.'],
  download: ['下载待签名的内容：', 'Download what is to be signed:'],
  sign: ['用签名工具或下面的命令签名：', 'Sign it with the signing tool, or by:'],
  upload: ['上传签名文件（.p7s）：', 'Upload the signature (.p7s):'],
  there: ['已选择 {name}', '{name} chosen'], forget: ['取消签名', 'Without signature'],
  list: ['审核签名', 'Signed decisions'],
  signer: ['签名证书', 'Certificate of the signer,'],
  statement: ['下载签名内容', 'What was signed'],
  signature: ['下载签名', 'Signature'],
  certificate: ['下载签名证书', 'Certificate of the signer'],
  verify: ['验证签名（client-trust.pem 为工作人员证书的信任根）：', 'To verify it (client-trust.pem: whom the certificates of the staff are trusted by):'],
})
addMessages('bulk', {
  approve: ['批量通过（{rows} 件）', 'Approve {rows}'],
  reject: ['批量退回（{rows} 件）', 'Reject {rows}'],
  hint: ['用 x 或复选框选择“{state}”的业务，可一起办理；结果逐行给出，以后可在“批量办理”中查看。',
    'Mark applications that stand at “{state}” with x or the box to decide on them together; each row has a result, which “Bulk operations” keeps.'],
  confirm: ['{step}：{decision} {rows} 件', '{step}: {decision} {rows} applications'],
  filingHint: ['本批业务共用一个备案号', 'One number for all of them'],
  alone: ['在单独的页面查看（可关闭本窗口，办理会继续）', 'On a page of its own (this window may be closed: the work goes on)'],
  all: ['全部批量办理', 'All bulk operations'],
  kind: ['批量业务', 'What'],
  by: ['发起人', 'Begun by'],
  done: ['进度', 'Progress'],
  succeeded: ['成功', 'Done'],
  refused: ['未办理', 'Refused'],
  finishedAt: ['完成时间', 'Finished'],
  row: ['第 {row} 行', 'Row {row}'],
  progress: ['进度', 'Progress'],
  running: ['正在办理：{done} / {total}，成功 {succeeded} 件，未办理 {refused} 件', 'Under way: {done} of {total}, {succeeded} done, {refused} refused'],
  finished: ['已结束：共 {total} 件，成功 {succeeded} 件，未办理 {refused} 件', 'Finished: {total} in all, {succeeded} done, {refused} refused'],
  results: ['逐行结果', 'Results by row'],
  ok: ['已完成', 'done'],
  go: ['提交', 'Submit'],
})
addMessages('bulk_kind', {
  applications: ['批量提交', 'Submissions'], agency_decisions: ['批量经办单位审批', 'Decisions of the agency'], reviews: ['批量审核', 'Reviews'],
})
addMessages('bulk_status', { running: ['正在办理', 'Under way'], finished: ['已结束', 'Finished'] })
