-- Lists of one kind: the newest of a rare one, without reading the others.

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_kind (kind, id);

ALTER TABLE subscribers
  ADD KEY IF NOT EXISTS subscribers_kind (kind, id);
