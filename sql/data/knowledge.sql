-- The RA's knowledge base (domain.md §16). Loaded by `ra-migrate data`, which may be repeated: rows of these names are set anew, others stay.
-- content is what the API shows: every text in zh-CN and en.

INSERT INTO knowledge (kind, name, position, content) VALUES
('fault', '10101011', 10, '{"symptom": {"zh-CN": "提示没有找到证书或没有选择证书", "en": "No certificate was found or chosen"}, "article": "ekey-not-found",
  "causes": [
    {"zh-CN": "EKey 未插入 USB 口，或没有被系统识别到", "en": "The EKey is not plugged in, or the system does not see it"},
    {"zh-CN": "EKey 驱动程序没有安装", "en": "The driver of the EKey is not installed"},
    {"zh-CN": "EKey 中的证书不是本系统信任的 CA 签发的，浏览器不会列出它", "en": "The certificate on the EKey is not from a CA that this system trusts, so the browser does not offer it"}],
  "remedies": [
    {"zh-CN": "插入 EKey；已插入时换一个 USB 口", "en": "Plug the EKey in; if it is, try another USB port"},
    {"zh-CN": "在“下载”中取得驱动程序，安装后重新插入 EKey", "en": "Get the driver under Downloads, install it and plug the EKey in again"},
    {"zh-CN": "关闭所有浏览器窗口后重新打开，并选择自己的证书", "en": "Close every browser window, open it again and choose your certificate"}]}'),
('fault', '10101019', 20, '{"symptom": {"zh-CN": "签名数据失败", "en": "Signing failed"}, "article": "driver",
  "causes": [
    {"zh-CN": "EKey 驱动程序安装出现异常", "en": "The driver of the EKey is not installed properly"},
    {"zh-CN": "EKey 在签名过程中被拔出，或口令没有输对", "en": "The EKey was removed while signing, or its PIN was wrong"},
    {"zh-CN": "网上银行的证书软件与 EKey 冲突", "en": "Certificate software of a bank is in the way"}],
  "remedies": [
    {"zh-CN": "卸载后重新安装 EKey 的驱动程序", "en": "Remove the driver of the EKey and install it anew"},
    {"zh-CN": "重新插入 EKey，再次操作；口令连续输错 5 次 EKey 将被锁死", "en": "Plug the EKey in again and repeat; after 5 wrong PINs the EKey is locked"},
    {"zh-CN": "退出网银软件后重新启动计算机", "en": "End the bank’s software and restart the computer"}]}'),
('fault', '10101029', 30, '{"symptom": {"zh-CN": "没有根证书", "en": "There is no root certificate"}, "article": "root-certificate",
  "causes": [
    {"zh-CN": "计算机上没有安装 CA 根证书", "en": "The root certificate of the CA is not installed on this computer"},
    {"zh-CN": "证书由其他 CA 签发", "en": "The certificate is from another CA"}],
  "remedies": [
    {"zh-CN": "下载根证书并安装到“受信任的根证书颁发机构”", "en": "Download the root certificate and install it among the trusted root authorities"},
    {"zh-CN": "确认选择的是本中心发放的证书", "en": "Make sure that you chose a certificate handed out by this centre"}]}'),
('fault', '10101039', 40, '{"symptom": {"zh-CN": "提示证书已过期", "en": "The certificate has expired"}, "article": "renewal",
  "causes": [
    {"zh-CN": "数字证书已到期", "en": "The certificate has reached its end"},
    {"zh-CN": "计算机的日期不正确", "en": "The date of the computer is wrong"}],
  "remedies": [
    {"zh-CN": "携带相关证件和材料办理到期更新业务", "en": "Bring the papers and apply for a renewal"},
    {"zh-CN": "校准计算机的日期和时间后重试", "en": "Correct date and time of the computer and try again"}]}'),
('fault', '10101042', 50, '{"symptom": {"zh-CN": "在系统中没有查询到您的 KEY", "en": "The EKey is not known to the system"}, "article": "ekey-not-found",
  "causes": [
    {"zh-CN": "EKey 没有被识别到", "en": "The EKey is not recognised"},
    {"zh-CN": "此 EKey 或证书没有在系统中登记，或者已被停用", "en": "The EKey or its certificate is not registered here, or has been disabled"}],
  "remedies": [
    {"zh-CN": "将 EKey 换一个 USB 口重新识别", "en": "Plug the EKey into another USB port"},
    {"zh-CN": "请系统管理员登记证书；订户请与受理点或热线联系", "en": "Ask the administrator to register it; subscribers call the counter or the hotline"}]}'),
('article', 'what-is-a-certificate', 10, '{"section": "knowledge", "title": {"zh-CN": "什么是数字证书", "en": "What a digital certificate is"}, "summary": {"zh-CN": "网络中的身份证，以及它能保证什么", "en": "An identity card for the network, and what it assures"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "数字证书是用户在网络中的身份证明。现实生活中用身份证验证身份，网络中则使用数字证书验证身份。", "en": "A digital certificate proves who somebody is on a network, as an identity card does elsewhere."}]},
    {"type": "paragraph", "texts": [
      {"zh-CN": "证书中有个人或单位的基本信息、用于加密数据的公钥和相关信息，并由 CA 签名。", "en": "It holds the basic data of a person or organisation and a public key, signed by the CA."}]},
    {"type": "heading", "texts": [
      {"zh-CN": "数字证书保证", "en": "It assures"}]},
    {"type": "list", "texts": [
      {"zh-CN": "身份认证：对方确实是其所称的人或单位", "en": "identity: the other side is who it says"},
      {"zh-CN": "数据的完整性：内容没有被改动", "en": "integrity: the content was not changed"},
      {"zh-CN": "数据的机密性：他人看不到内容", "en": "confidentiality: nobody else reads the content"},
      {"zh-CN": "不可抵赖性：签名者事后不能否认", "en": "non-repudiation: who signed cannot deny it later"}]}]}'),
('article', 'kinds-of-certificates', 20, '{"section": "knowledge", "title": {"zh-CN": "证书的种类和用途", "en": "Kinds and uses of certificates"}, "summary": {"zh-CN": "个人、单位、服务器；签名、加密", "en": "Person, organisation, server; signing, encryption"},
  "blocks": [
    {"type": "heading", "texts": [
      {"zh-CN": "按种类分", "en": "By kind"}]},
    {"type": "list", "texts": [
      {"zh-CN": "个人证书：发给参保个人", "en": "person certificate: for an insured person"},
      {"zh-CN": "单位证书：发给参保单位，由社保专员使用", "en": "organisation certificate: for an insured organisation, used by its social-security officer"},
      {"zh-CN": "服务器证书：发给网站或服务器", "en": "server certificate: for a web site or server"}]},
    {"type": "heading", "texts": [
      {"zh-CN": "按用途分", "en": "By use"}]},
    {"type": "list", "texts": [
      {"zh-CN": "签名证书：用于登录和数字签名", "en": "signing certificate: to log in and to sign"},
      {"zh-CN": "加密证书：用于加密收到的数据", "en": "encryption certificate: for data that is encrypted to its holder"}]}]}'),
('article', 'keys-and-signatures', 30, '{"section": "knowledge", "title": {"zh-CN": "公钥、私钥和数字签名", "en": "Public key, private key, signature"}, "summary": {"zh-CN": "为什么别人无法冒充您的签名", "en": "Why nobody can forge your signature"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "数字证书采用公钥体制：公钥可以对外公布，私钥只由持有人掌握，保存在 EKey 中不能导出。用公钥加密的数据只有对应的私钥能解开。", "en": "Certificates use public-key cryptography: the public key may be known to all, the private key stays with its holder, in the EKey, and cannot be copied out of it. What is encrypted with the public key opens with the private key only."}]},
    {"type": "paragraph", "texts": [
      {"zh-CN": "签名时先计算报文摘要，再用私钥处理摘要；接收方用公钥核对。报文改动任何一位，核对就不会通过。", "en": "To sign, a digest of the message is computed and worked on with the private key; the receiver checks it with the public key. A single changed bit makes the check fail."}]},
    {"type": "list", "texts": [
      {"zh-CN": "签名者不能否认自己签过名", "en": "the signer cannot deny the signature"},
      {"zh-CN": "接收者可以确认内容自签发后没有改动", "en": "the receiver knows that nothing was changed since"}]},
    {"type": "paragraph", "texts": [
      {"zh-CN": "现在使用的密钥至少为 2048 位 RSA，或 256 位椭圆曲线。", "en": "Keys today are RSA of at least 2048 bits, or elliptic curves of 256 bits."}]}]}'),
('article', 'ekey-not-found', 40, '{"section": "troubleshooting", "title": {"zh-CN": "找不到证书或识别不到 EKey", "en": "No certificate, or the EKey is not seen"}, "summary": {"zh-CN": "错误 -10101011、-10101042", "en": "Errors -10101011, -10101042"},
  "blocks": [
    {"type": "steps", "texts": [
      {"zh-CN": "确认 EKey 已插好，指示灯亮；换一个 USB 口，不要使用延长线", "en": "Check that the EKey is in and its light is on; try another USB port, without an extension cable"},
      {"zh-CN": "在“下载”中取得并安装与 EKey 型号相符的驱动程序", "en": "Install the driver that belongs to the EKey’s model, from Downloads"},
      {"zh-CN": "关闭所有浏览器窗口，重新打开，出现选择证书的窗口时选择自己的证书", "en": "Close all browser windows, open one again and choose your certificate when asked"},
      {"zh-CN": "退出网上银行等其他证书软件", "en": "End bank and other certificate software"},
      {"zh-CN": "仍不能识别时，请用“证书检测”检查证书，或拨打热线", "en": "If it still fails, use the certificate check or call the hotline"}]}]}'),
('article', 'driver', 50, '{"section": "troubleshooting", "title": {"zh-CN": "安装或重装 EKey 驱动程序", "en": "Installing the EKey driver"}, "summary": {"zh-CN": "错误 -10101019 及安装异常", "en": "Error -10101019 and failed installations"},
  "blocks": [
    {"type": "steps", "texts": [
      {"zh-CN": "拔出 EKey", "en": "Remove the EKey"},
      {"zh-CN": "在系统的“应用”中卸载旧的驱动程序，重新启动计算机", "en": "Uninstall the old driver in the system’s list of programs and restart"},
      {"zh-CN": "从本网站“下载”取得驱动程序，核对 SHA-256 后安装", "en": "Get the driver from Downloads here, compare its SHA-256, install it"},
      {"zh-CN": "重新插入 EKey，打开驱动程序自带的管理工具，应能看到证书", "en": "Plug the EKey in; its own tool should show the certificate"}]},
    {"type": "paragraph", "texts": [
      {"zh-CN": "驱动程序和控件只从本网站或 EKey 随附的介质安装。", "en": "Install drivers and plug-ins from this site or the medium that came with the EKey only."}]}]}'),
('article', 'root-certificate', 60, '{"section": "troubleshooting", "title": {"zh-CN": "安装根证书", "en": "Installing the root certificate"}, "summary": {"zh-CN": "错误 -10101029", "en": "Error -10101029"},
  "blocks": [
    {"type": "steps", "texts": [
      {"zh-CN": "从本网站下载 CA 根证书", "en": "Download the root certificate of the CA from this site"},
      {"zh-CN": "核对文件的 SHA-256 与网页上显示的是否一致", "en": "Compare the file’s SHA-256 with the one shown here"},
      {"zh-CN": "双击文件，选择“安装证书”，存储位置选择“受信任的根证书颁发机构”", "en": "Open the file, choose “Install certificate” and the store “Trusted root authorities”"},
      {"zh-CN": "重新启动浏览器", "en": "Restart the browser"}]}]}'),
('article', 'renewal', 70, '{"section": "troubleshooting", "title": {"zh-CN": "证书到期了怎么办", "en": "When the certificate has expired"}, "summary": {"zh-CN": "错误 -10101039", "en": "Error -10101039"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "到期前不久和到期之后都可以办理“到期更新”（一般从到期前 90 天起）。更新后证书主题不变。", "en": "A renewal is possible shortly before the end (as a rule within the last 90 days) and after it. The subject of the certificate stays the same."}]},
    {"type": "steps", "texts": [
      {"zh-CN": "在本网站“在线填表”中填写到期更新申请，打印后加盖公章（个人签名）", "en": "Fill in the renewal form under Pre-fill here, print it and seal it (persons sign)"},
      {"zh-CN": "携带社保专员身份证复印件（加盖公章）和 EKey 到受理点；个人和服务器证书携带申请人身份证复印件", "en": "Bring a sealed copy of the officer’s ID and the EKey to the counter; for person and server certificates the applicant’s ID"},
      {"zh-CN": "缴费，领取更新后的证书", "en": "Pay and collect the renewed certificate"}]}]}'),
('article', 'browser-settings', 80, '{"section": "troubleshooting", "title": {"zh-CN": "浏览器和控件设置", "en": "Browser and plug-in settings"}, "summary": {"zh-CN": "页面提示控件被拦截、隐私级别过低时", "en": "When a plug-in is blocked or a privacy level is too low"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "请使用当前版本的浏览器，不要使用已停止支持的浏览器。", "en": "Use a current browser, not one that is no longer supported."}]},
    {"type": "list", "texts": [
      {"zh-CN": "将社保业务网站加入受信任的站点", "en": "Add the business site to the trusted sites"},
      {"zh-CN": "业务网站要求安装控件时，点击提示安装；被拦截的控件需在提示栏中允许", "en": "Install the plug-in when the business site asks; allow it in the notice bar when it was blocked"},
      {"zh-CN": "将“隐私”级别设为中级；安全级别过高会使控件无法运行", "en": "Set the privacy level to medium; a security level that is too high stops plug-ins"},
      {"zh-CN": "更改设置后重新启动计算机", "en": "Restart the computer afterwards"}]}]}'),
('article', 'bank-software', 90, '{"section": "troubleshooting", "title": {"zh-CN": "与网上银行软件冲突", "en": "The clash with bank software"}, "summary": {"zh-CN": "装过网银后证书不能使用", "en": "Certificates stop working after bank software was installed"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "以前使用网银业务的计算机，网银的证书软件可能占用证书接口。", "en": "Certificate software of a bank may hold the interface that the EKey needs."}]},
    {"type": "steps", "texts": [
      {"zh-CN": "退出网银软件；不再需要时将其卸载", "en": "End the bank’s software; uninstall it when it is no longer needed"},
      {"zh-CN": "重新启动计算机", "en": "Restart the computer"},
      {"zh-CN": "插入 EKey 后再打开浏览器", "en": "Plug the EKey in before you open the browser"}]}]}'),
('article', 'ekey-locked', 100, '{"section": "troubleshooting", "title": {"zh-CN": "EKey 被锁死", "en": "The EKey is locked"}, "summary": {"zh-CN": "口令输错 5 次", "en": "After 5 wrong PINs"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "为保证 EKey 的安全，口令连续输错 5 次 EKey 将被锁死，避免他人反复尝试。锁死后只能到 RA 中心解锁。", "en": "After 5 wrong PINs the EKey locks itself so that nobody can go on guessing. Only the RA can unlock it."}]},
    {"type": "heading", "texts": [
      {"zh-CN": "请携带", "en": "Bring"}]},
    {"type": "list", "texts": [
      {"zh-CN": "单位公章（个人携带本人身份证件）", "en": "the seal of the organisation (persons their own ID)"},
      {"zh-CN": "经办人身份证复印件", "en": "a copy of the handler’s ID"},
      {"zh-CN": "EKey", "en": "the EKey"}]},
    {"type": "paragraph", "texts": [
      {"zh-CN": "解锁联系电话：4009-988-988", "en": "Telephone for unlocking: 4009-988-988"}]}]}'),
('article', 'certificate-refused', 110, '{"section": "troubleshooting", "title": {"zh-CN": "登录时证书被拒绝", "en": "Your certificate was refused"}, "summary": {"zh-CN": "过期的和其他 CA 的证书在连接时就会失败", "en": "Expired and foreign certificates fail while the connection is made"},
  "blocks": [
    {"type": "paragraph", "texts": [
      {"zh-CN": "已过期或由其他 CA 签发的证书，在建立安全连接时就会被拒绝，浏览器只显示连接错误。", "en": "An expired certificate, or one from another CA, is refused while the secure connection is made: the browser only shows a connection error."}]},
    {"type": "steps", "texts": [
      {"zh-CN": "从 EKey 的管理工具中导出证书（.cer，不含私钥）", "en": "Export the certificate from the EKey’s tool (.cer, without the private key)"},
      {"zh-CN": "在本网站“证书检测”中上传，查看原因和解决办法", "en": "Upload it to the certificate check here and read what is wrong"},
      {"zh-CN": "插入了多个 EKey 时只保留一个，关闭浏览器后重试", "en": "Leave one EKey only, close the browser and try again"}]}]}'),
('contact', 'hotline', 10, '{"label": {"zh-CN": "服务热线", "en": "Hotline"}, "value": "400-0351-838", "kind": "telephone"}'),
('contact', 'unlocking', 20, '{"label": {"zh-CN": "EKey 解锁", "en": "Unlocking of EKeys"}, "value": "4009-988-988", "kind": "telephone"}'),
('contact', 'fax', 30, '{"label": {"zh-CN": "传真", "en": "Fax"}, "value": "0351-7037581", "kind": "fax"}'),
('reason', 'material-missing', 10, '{"steps": ["acceptance"], "reason": {"zh-CN": "材料不全", "en": "A material is missing"}, "guidance": {"zh-CN": "请补齐清单中缺少的材料后重新提交", "en": "Hand in the materials of the list that are missing"}}'),
('reason', 'seal-missing', 20, '{"steps": ["acceptance"], "reason": {"zh-CN": "材料没有加盖公章", "en": "A material does not carry the seal"}, "guidance": {"zh-CN": "请在每份复印件上加盖单位公章后重新提交", "en": "Put the seal of the organisation on every copy and hand it in again"}}'),
('reason', 'signature-missing', 30, '{"steps": ["acceptance"], "reason": {"zh-CN": "申请表没有本人签名", "en": "The form is not signed"}, "guidance": {"zh-CN": "请申请人本人在申请表上签名后重新提交", "en": "Let the applicant sign the form and hand it in again"}}'),
('reason', 'material-unreadable', 40, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "复印件不清晰，无法核对", "en": "A copy cannot be read"}, "guidance": {"zh-CN": "请重新复印或扫描，保证文字和印章清晰", "en": "Copy or scan it again so that text and seal can be read"}}'),
('reason', 'material-expired', 50, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "证照已过有效期或未年检", "en": "A document has expired"}, "guidance": {"zh-CN": "请提供在有效期内的证照", "en": "Bring documents that are in force"}}'),
('reason', 'payment-missing', 60, '{"steps": ["acceptance"], "reason": {"zh-CN": "没有缴费或缴费凭证不符", "en": "The fee is not paid, or the voucher does not match"}, "guidance": {"zh-CN": "请按收费标准缴费，电汇的请附凭证复印件", "en": "Pay the fee; with a wire transfer add a copy of the voucher"}}'),
('reason', 'name-differs', 70, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "名称与证照不一致", "en": "The name is not the one of the documents"}, "guidance": {"zh-CN": "请按营业执照（或身份证件）上的全称更正名称", "en": "Correct the name to the full one of the licence or ID"}}'),
('reason', 'code-differs', 80, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "统一社会信用代码或证件号码与证照不一致", "en": "The code or number is not the one of the documents"}, "guidance": {"zh-CN": "请按证照更正号码后重新提交", "en": "Correct the number to the one of the documents"}}'),
('reason', 'contact-wrong', 90, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "联系人或联系方式有误", "en": "The contact is wrong"}, "guidance": {"zh-CN": "请更正联系人和联系电话，办理中需要与您联系", "en": "Correct the contact and telephone number; we need to reach you"}}'),
('reason', 'not-insured', 100, '{"steps": ["agency_decision"], "reason": {"zh-CN": "尚未在本经办机构参保登记", "en": "Not registered with this agency"}, "guidance": {"zh-CN": "请先到参保地社保经办机构办理参保登记", "en": "Register with the agency of your region first"}}'),
('reason', 'wrong-agency', 110, '{"steps": ["agency_decision"], "reason": {"zh-CN": "主管经办机构选择有误", "en": "Another agency is in charge"}, "guidance": {"zh-CN": "请选择参保所在地的经办机构后重新提交", "en": "Choose the agency of the region where you are insured"}}'),
('reason', 'officer-not-authorised', 120, '{"steps": ["agency_decision", "acceptance"], "reason": {"zh-CN": "经办人没有单位授权", "en": "The person is not authorised by the organisation"}, "guidance": {"zh-CN": "请提供加盖公章的授权委托书", "en": "Bring a letter of authority with the seal"}}'),
('reason', 'entry-wrong', 130, '{"steps": ["review"], "reason": {"zh-CN": "录入的证书信息与申请表不一致", "en": "What was entered is not what the form says"}, "guidance": {"zh-CN": "请录入人员按申请表更正后重新提交审核", "en": "Let it be entered again as the form says"}}'),
('reason', 'duplicate', 140, '{"steps": ["acceptance", "review"], "reason": {"zh-CN": "已持有同类有效证书或重复申请", "en": "A certificate of this kind exists, or it was applied for twice"}, "guidance": {"zh-CN": "如证书丢失或损坏，请改办补办业务", "en": "If it is lost or damaged, apply for a re-issue"}}'),
('region', '1400', 10, '{"name": {"zh-CN": "省直", "en": "Province"}}'),
('region', '1401', 20, '{"name": {"zh-CN": "太原市", "en": "Taiyuan"}}'),
('region', '1402', 30, '{"name": {"zh-CN": "大同市", "en": "Datong"}}'),
('region', '1403', 40, '{"name": {"zh-CN": "阳泉市", "en": "Yangquan"}}'),
('region', '1404', 50, '{"name": {"zh-CN": "长治市", "en": "Changzhi"}}'),
('region', '1405', 60, '{"name": {"zh-CN": "晋城市", "en": "Jincheng"}}'),
('region', '1406', 70, '{"name": {"zh-CN": "朔州市", "en": "Shuozhou"}}'),
('region', '1407', 80, '{"name": {"zh-CN": "晋中市", "en": "Jinzhong"}}'),
('region', '1408', 90, '{"name": {"zh-CN": "运城市", "en": "Yuncheng"}}'),
('region', '1409', 100, '{"name": {"zh-CN": "忻州市", "en": "Xinzhou"}}'),
('region', '1410', 110, '{"name": {"zh-CN": "临汾市", "en": "Linfen"}}'),
('region', '1411', 120, '{"name": {"zh-CN": "吕梁市", "en": "Lüliang"}}')
ON DUPLICATE KEY UPDATE position = VALUES(position), content = VALUES(content);
