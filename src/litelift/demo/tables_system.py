"""The demo's tables that Laravel and its packages bring, and those that watch over the application."""

from __future__ import annotations

TABLES = """
migrations 163
  id; migration str; batch int
users 418
  id; name str ~person; username str unique; email str unique; email_verified_at datetime?; password str ~bcrypt
  institution_id >institutions?; department_id >departments?; gender enum[kişi|qadın]?; birth_date date? ~adult_birth
  phone str?; locale str=az ~pick:az|az|az|az|ru|en; is_active bool=1; preferences json? ~preferences
  last_login_ip str? ~ip; last_login_at datetime?; failed_attempts int=0 ~few; remember_token str? ~token60
  timestamps; softdeletes; index(institution_id, is_active)
password_reset_tokens 5
  email str; token str ~bcrypt; created_at datetime?; primary(email)
sessions 0
  id str; user_id int? index; ip_address str?; user_agent text?; payload text; last_activity int index; primary(id)
cache 40
  key str; value text; expiration int; primary(key)
cache_locks 0
  key str; owner str; expiration int; primary(key)
jobs 7
  id; queue str index ~pick:default|default|mail|reports; payload text ~job; attempts int ~zero
  reserved_at int? ~null; available_at int ~epoch; created_at int ~epoch
job_batches 3
  id str ~uuid; name str ~list:Hesabatların göndərilməsi|Şagird idxalı|Xatırlatmalar; total_jobs int ~number:20-90
  pending_jobs int ~zero; failed_jobs int ~zero; failed_job_ids text ~const:[]; options text? ~null
  cancelled_at int? ~null; created_at int ~epoch; finished_at int? ~epoch; primary(id)
failed_jobs 12
  id; uuid uuid unique; connection text ~const:database; queue text ~pick:default|mail; payload text ~job
  exception text ~exception; failed_at datetime=CURRENT_TIMESTAMP
personal_access_tokens 64
  id; morphs tokenable User; name str ~pick:mobil tətbiq|veb panel|inteqrasiya; token str unique ~hex64
  abilities text? ~const:["*"]; last_used_at datetime?; expires_at datetime? ~null; timestamps
permissions 216
  id; name str; guard_name str ~const:sanctum; category str? ~null; timestamps; unique(name, guard_name)
roles 10
  id; name str; guard_name str ~const:sanctum; display_name str?; level int=9; timestamps; unique(name, guard_name)
model_has_permissions 23
  permission_id >permissions; model_type str ~morph_type:User; model_id int ~morph_id:model_type
  primary(permission_id, model_id, model_type); index(model_id, model_type)
model_has_roles 418
  role_id >roles; model_type str ~morph_type:User; model_id int ~morph_id:model_type
  primary(role_id, model_id, model_type); index(model_id, model_type)
role_has_permissions 739
  permission_id >permissions; role_id >roles; primary(permission_id, role_id)
activity_log 0
  id; log_name str? index; description text; subject_type str?; subject_id int?; event str?; causer_type str?
  causer_id int?; properties json?; batch_uuid uuid?; timestamps; index(subject_type, subject_id) as subject
  index(causer_type, causer_id) as causer
audit_logs 0
  id; user_id >users?; event str index; auditable_type str; auditable_id int; old_values json?; new_values json?
  url text?; ip_address str?; user_agent str?; tags str?; timestamps; index(auditable_type, auditable_id)
security_events 85
  id; user_id >users?; type enum[login_failed|password_changed|role_changed|token_revoked] index
  severity enum[low|medium|high]=low; ip_address str?; context json?; occurred_at datetime index; timestamps
login_attempts 260
  id; username str index ~username; ip_address str; user_agent text?; succeeded bool=0; attempted_at datetime
  timestamps
user_devices 96
  id; user_id >users; uuid uuid unique; platform str ~pick:android|ios|web; push_token text? ~token60
  last_seen_at datetime?; timestamps
user_settings 180
  id; user_id >users; key str ~pick:theme|dashboard|table_density|notifications|language; value json?; timestamps
  unique(user_id, key)
system_settings 34
  id; group str=general ~pick:general|mail|security|survey; key str unique ~code:setting; value text?
  is_public bool=0; timestamps
feature_flags 9
  id; name str unique ~code:feature; is_enabled bool=0; rollout dec=0 ~percent; timestamps
import_batches 22
  id; uuid uuid unique; user_id >users?; type str ~pick:students|grades|institutions|teachers; file_name str
  total_rows int=0 ~number:10-900; failed_rows int=0 ~few; status enum[pending|running|finished|failed]=pending
  started_at datetime?; finished_at datetime?; timestamps
import_errors 77
  id; import_batch_id >import_batches; row_number int; column str? ~pick:fin|ad|soyad|doğum tarixi; message text
  row json?; timestamps
export_requests 41
  id; user_id >users; type str ~pick:xlsx|csv|pdf; filters json?; file_path str? ~path; expires_at datetime?
  timestamps
report_templates 14
  id; name str ~title; slug str unique; definition json; is_system bool=0; created_by >users?; timestamps; softdeletes
reports 65
  id; report_template_id >report_templates?; institution_id >institutions?; title str; parameters json?; result json?
  generated_by >users?; generated_at datetime?; timestamps; softdeletes
report_schedules 11
  id; report_template_id >report_templates; frequency enum[daily|weekly|monthly]=monthly; run_at time ~clock
  recipients json? ~emails; is_active bool=1; timestamps
report_runs 130
  id; report_schedule_id >report_schedules; started_at datetime; finished_at datetime?; row_count int? ~number:0-4000
  error text? ~null; timestamps
maintenance_windows 0
  id; starts_at datetime; ends_at datetime; message text?; created_by >users?; timestamps
"""
