-- Reports: what is on hold, soonest end first.

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_suspension_until (suspension_until, id);
