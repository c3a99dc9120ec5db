alter table users
  add column two_factor_enabled boolean not null default false,
  add column two_factor_secret  bytea,                            -- sealed: nonce, ciphertext, tag
  add column two_factor_used    bigint  not null default 0,       -- the last period a code was taken from
  add column backup_codes       bytea[] not null default '{}';    -- hashed
alter table users
  add constraint two_factor_needs_a_secret check (not two_factor_enabled or two_factor_secret is not null);
