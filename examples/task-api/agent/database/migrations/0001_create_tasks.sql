create table tasks (
  id          bigint generated always as identity primary key,
  title       text        not null check (length(title) between 1 and 200),
  description text        not null default '',
  status      text        not null default 'todo' check (status in ('todo', 'doing', 'done')),
  due_date    date,
  created_at  timestamptz not null default now()
);
create index tasks_status on tasks (status);
