// Texts of the console: the link to the CA: operations, jobs, outcomes to be settled.
import { addMessages } from '@/shared/i18n'

addMessages('operation', {
  pending: ['排队中', 'Pending'], waiting: ['CA 处理中', 'Waiting'], unknown: ['结果未知', 'Unknown'], succeeded: ['成功', 'Succeeded'],
  failed: ['失败', 'Failed'],
  production: ['制证', 'Production'], revocation: ['状态变更', 'Status change'],
})
addMessages('operationsPage', {
  kind: ['任务', 'Operation'],
  next: ['下次执行', 'Next run'],
  never: ['还没有', 'none yet'],
  unknown: ['结果未知，需要人工认定', 'Unknown outcomes, to be settled by a person'],
  unknownAdvice: ['请先向 CA 核实是否已经办理（签发、吊销、挂起或解挂），再由没有经办过该业务的部门经理在此认定。',
    'Ask the CA what became of it. A manager who had no hand in the case then says so here.'],
  settle: ['认定', 'Settle'],
  outcome: ['核实结果', 'What the CA says'],
  issued: ['已签发（提交证书）', 'Issued (bring the certificate)'],
  not_issued: ['没有签发', 'Not issued'],
  confirmed: ['CA 认可该证书（没有收到确认）', 'The certificate stands (the CA has not heard the confirmation)'],
  done: ['CA 已办理', 'Done at the CA'],
  not_done: ['CA 没有办理', 'Not done at the CA'],
  certificate: ['CA 签发的证书（PEM）', 'The certificate that the CA issued (PEM)'],
  settleTitle: ['认定结果', 'Settle the outcome'],
})
addMessages('link', { good: ['正常', 'Good'], failing: ['失败', 'Failing'], unused: ['还没有通信', 'Not used yet'] })
addMessages('upstream', {
  link: ['与 CA 的通信', 'Exchanges with the CA'],
  lastGood: ['最近一次成功：{at}', 'last good one: {at}'],
  queue: ['排队的任务', 'Jobs queued'],
  oldest: ['最早的已等待 {age}', 'the oldest has waited {age}'],
  person: ['等待人工处理', 'Stopped at a person'],
  unknown: ['结果未知 {rows} 件', '{rows} of unknown outcome'],
  crl: ['CA 吊销列表（CRL）', 'CRL of the CA'],
  certificates: ['CA 证书', 'Certificates of the CA'],
  fetched: ['获取于 {at}', 'fetched {at}'],
  off: ['没有配置', 'not configured'],
  disagreements: ['与 CA 状态不一致的证书', 'Certificates that the CA shows otherwise'],
  credential: ['RA 通信证书', 'Credential of the RA'],
  jobs: ['待发任务', 'Outbox'],
  finished: ['完成时间', 'Finished'],
  runBy: ['执行进程', 'Run by'],
})
addMessages('job', {
  open: ['排队中', 'Queued'], running: ['执行中', 'Running'], person: ['等待人工', 'Stopped at a person'], done: ['已完成', 'Done'],
  enrol: ['制证', 'Certificate'], revoke: ['状态变更', 'Status change'], bulk: ['批量办理', 'Bulk operation'],
  ca_status: ['获取 CRL', 'Fetching the CRL'],
})
addMessages('disagreement', {
  advice: ['CA 发布的吊销列表与本系统的记录不同。请向 CA 核实，再办理相应的吊销、挂起或解挂。',
    'The list that the CA publishes differs from the record here. Ask the CA, then have the revocation, suspension or resumption done.'],
  here: ['本系统', 'Here'], at_ca: ['CA 的吊销列表', "The CA's list"], found: ['发现时间', 'Found'],
  revoked: ['已吊销', 'Revoked'], held: ['挂起', 'On hold'], none: ['没有列出', 'Not listed'],
})
