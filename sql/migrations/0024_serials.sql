-- A serial number is a CA's own once (RFC 5280 §4.1.2.2), whoever brings the certificate.

ALTER TABLE certificates
  DROP KEY IF EXISTS certificates_serial,
  ADD UNIQUE KEY certificates_serial (serial, issuer);
