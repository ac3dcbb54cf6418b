/* The handling guide. Layer: business. */
#include "business/lifecycle/guide.h"

/* --- when a line holds ------------------------------------------------------------------------------------------ */

static int has_step(const ra_business_t *business, ra_step_e step)
{
    for (int i = 0; i < business->step_count; i++) {
        if (business->steps[i].step == step) {
            return 1;
        }
    }
    return 0;
}

static int always(const ra_business_t *business)
{
    return business->step_count > 0;
}

static int agency_first(const ra_business_t *business)
{
    return has_step(business, RA_STEP_AGENCY_DECISION);
}

static int about_a_certificate(const ra_business_t *business)
{
    return business->takes != 0;
}

static int has_fee(const ra_business_t *business)
{
    return business->fee;
}

static int has_no_fee(const ra_business_t *business)
{
    return !business->fee;
}

static int asks_token(const ra_business_t *business)
{
    return (business->asks & RA_ASKS_TOKEN) != 0;
}

static int on_the_token(const ra_business_t *business)
{
    return has_step(business, RA_STEP_OPERATION);
}

static int makes_void(const ra_business_t *business)
{
    return business->tells_void;
}

static int makes_new(const ra_business_t *business)
{
    return has_step(business, RA_STEP_PRODUCTION);
}

static int replaces_old(const ra_business_t *business)
{
    return makes_new(business) && about_a_certificate(business) && business->fate != RA_FATE_KEPT && !business->tells_void;
}

static int renews(const ra_business_t *business)
{
    return makes_new(business) && about_a_certificate(business) && business->fate == RA_FATE_KEPT;
}

static int holds(const ra_business_t *business)
{
    return business->effect == RA_EFFECT_HOLD;
}

static int revokes(const ra_business_t *business)
{
    return business->effect == RA_EFFECT_REVOKE;
}

/* --- the lines -------------------------------------------------------------------------------------------------- */

static const struct {
    int (*holds)(const ra_business_t *business);
    ra_guide_line_t line;
} lines[] = {
    {agency_first, {"before", "须先经所属主管社保经办单位批准并备案。", "Your supervising agency approves and files the application first."}},
    {always,
     {"before", "可在网上填表，取得受理号并打印申请表；也可在受理点领取申请表。",
      "Fill in the form here, get a number and print it; or take a form at the counter."}},
    {about_a_certificate, {"before", "请备好原证书的主题名称，有序列号的一并填写。", "Have the subject name of the certificate ready, and its serial number if you know it."}},
    {renews, {"before", "到期前不久和到期后都可以办理；从何时起可以办理，以受理点为准。", "Possible shortly before the end and after it; the counter tells from when on."}},
    {always,
     {"bring", "申请表一式三联：单位和服务器证书加盖公章，个人证书由本人签名。",
      "The form in three copies: sealed for organisations and servers, signed by the person for personal certificates."}},
    {always,
     {"bring", "单位和服务器证书的证明材料复印件均加盖公章。", "Copies of the papers for organisation and server certificates carry the seal."}},
    {on_the_token, {"bring", "单位公章、经办人身份证复印件和 EKey 本身。", "The seal, a copy of the handler's ID and the EKey itself."}},
    {asks_token, {"bring", "损坏的 EKey 及其购买日期。", "The damaged EKey and its date of purchase."}},
    {has_fee, {"fee", "按现行收费标准收费；电汇付款的，另带电汇凭证复印件。", "A fee by the price list; payment by wire needs a copy of its voucher."}},
    {has_no_fee, {"fee", "不收费。", "No fee."}},
    {asks_token,
     {"fee", "EKey 自购买之日起一年内非人为损坏的，免费更换介质；证书费用照收。",
      "Within a year of purchase and without human fault the token is replaced free; the fee of the certificate is due."}},
    {makes_void, {"after", "新证书制作后，丢失的证书即作废。", "The lost certificate becomes void once the new one is made."}},
    {replaces_old, {"after", "新证书制作后，原证书将被吊销。", "The old certificate is revoked once the new one is made."}},
    {holds,
     {"after", "挂起最长 6 个月；到期没有合法的吊销申请，证书将自动解挂。超过证书有效期的，经审批后废除。",
      "A suspension lasts 6 months at most; without a valid revocation the certificate is then resumed. If its validity ends meanwhile it is abolished upon approval."}},
    {revokes, {"after", "吊销后不能恢复；如需继续使用，请办理证书新制。", "A revocation is final; apply for a new certificate if you still need one."}},
    {makes_new, {"after", "证书当面检查无误后领取；口令连续输错 5 次 EKey 将被锁死。", "The certificate is checked with you before it is handed over; 5 wrong PINs lock the EKey."}},
    {always, {"after", "申请表第三联由订户留存；退回的申请会写明原因和办理方法，改正后可以再次提交。",
              "Copy 3 of the form is yours; a rejection says why and what to do, and can be submitted again."}},
};

const ra_guide_line_t *ra_guide_next(const ra_business_t *business, int *pplace)
{
    int count = business->by_ra ? 0 : (int)(sizeof(lines) / sizeof(lines[0])); /* nobody applies for what the RA does by itself */

    while (*pplace < count) {
        int place = (*pplace)++;

        if (lines[place].holds(business)) {
            return &lines[place].line;
        }
    }
    return NULL;
}
