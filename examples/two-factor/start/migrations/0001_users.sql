create table users (
  name          text primary key,
  is_admin      boolean not null default false,
  password_salt bytea   not null,
  password_hash bytea   not null
);
