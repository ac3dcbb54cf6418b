-- Indexes that no statement uses any more: each of them was written with every row. Phones are looked for in subscriber_contacts, a key's one use is
-- used_keys, ends are listed by certificates_ending, and a transaction of CMP is found by its codes, its signer or its application.

ALTER TABLE applications
  DROP KEY IF EXISTS applications_phone,
  DROP KEY IF EXISTS applications_id_number;

ALTER TABLE certificates
  DROP KEY IF EXISTS certificates_key,
  DROP KEY IF EXISTS certificates_not_after;

ALTER TABLE cmp_transactions
  DROP KEY IF EXISTS cmp_transactions_attempt;
