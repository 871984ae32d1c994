"""The demo's surveys, tasks, documents, links and messages."""

from __future__ import annotations

TABLES = """
surveys 18
  id; uuid uuid unique; title str; description text? ~paragraph
  status enum[aktiv|qaralama|bağlı|arxivləşdirilmiş]=qaralama index; visibility enum[hamı|müəssisə|şəxsi]=hamı
  is_anonymous bool=0; allow_multiple bool?; settings json? ~survey_settings; weight dec=1 ~weight; created_by >users
  starts_at datetime?; ends_at datetime?; timestamps; softdeletes
survey_sections 40
  id; survey_id >surveys ~cycle; position int=0 ~turn; title str; description text?; timestamps
  unique(survey_id, position)
survey_questions 126
  id; survey_id >surveys ~cycle; survey_section_id >survey_sections?; type enum[mətn|seçim|çoxseçim|ədəd|tarix]
  question text ~question; options json? ~choices; is_required bool=0; position int=0 ~turn; timestamps
  unique(survey_id, position)
survey_question_options 210
  id; survey_question_id >survey_questions ~cycle; position int=0 ~turn
  label str ~pick:Bəli|Xeyr|Qismən|Çətinlik çəkirəm|Tam razıyam|Razı deyiləm; value str? ~pick:1|2|3|4|5; timestamps
survey_responses 360
  id; uuid uuid unique; survey_id >surveys; user_id >users?; institution_id >institutions?; answers json ~answers
  progress float=0 ~fraction; comment text?; ip_address str?; submitted_at datetime?; timestamps
  index(survey_id, submitted_at)
survey_answers 620
  id; survey_response_id >survey_responses; survey_question_id >survey_questions; value text? ~answer
  number dec? ~score; timestamps; unique(survey_response_id, survey_question_id)
survey_institution 170
  survey_id >surveys; institution_id >institutions; primary(survey_id, institution_id)
survey_versions 29
  id; survey_id >surveys ~cycle; version int ~turn; snapshot json; created_by >users?; timestamps
  unique(survey_id, version)
survey_reminders 37
  id; survey_id >surveys; channel enum[email|sms|push]=email; send_at datetime; sent_count int=0 ~number:0-340
  timestamps
survey_approvals 13
  id; survey_id >surveys; approved_by >users?; decision enum[approved|returned]; comment text?; decided_at datetime
  timestamps
task_categories 8
  id; name str ~list:Hesabat|Yoxlama|Tədbir|Təmir|Təchizat|Kadr|Maliyyə|Digər; color str=#0d6efd ~color; timestamps
tasks 145
  id; uuid uuid unique; task_category_id >task_categories?; parent_id >tasks?; institution_id >institutions?
  title str; description text? ~paragraph; status enum[yeni|icrada|tamamlandı|gecikir]=yeni index
  priority enum[aşağı|orta|yüksək|təcili]=orta; created_by >users; due_on date?; completed_at datetime?
  estimated_hours dec? ~hours; metadata json?; timestamps; softdeletes
task_assignments 190
  id; task_id >tasks; user_id >users; institution_id >institutions?; accepted_at datetime?
  progress int=0 ~number:0-100; timestamps; unique(task_id, user_id)
task_comments 160
  id; task_id >tasks; user_id >users?; parent_id >task_comments?; body text; timestamps; softdeletes
task_attachments 47
  id; task_id >tasks; uploaded_by >users?; file_name str; path str; mime_type str?; size_bytes int; timestamps
task_progress_logs 130
  id; task_id >tasks; user_id >users?; from_percent int? ~number:0-40; to_percent int ~number:41-100; note text?
  logged_at datetime; timestamps
task_checklist_items 120
  id; task_id >tasks; title str; is_done bool=0; done_by >users?; position int=0 ~few; timestamps
document_categories 9
  id; parent_id >document_categories?
  name str ~list:Əmrlər|Qərarlar|Hesabatlar|Şəhadətnamələr|Müqavilələr|Protokollar|Təlimatlar|Arxiv|Digər; timestamps
folders 110
  id; uuid uuid unique; parent_id >folders?; institution_id >institutions?; owner_id >users?; name str ~title
  is_shared bool=0; depth int=0 ~few; timestamps; softdeletes
documents 220
  id; uuid uuid unique; folder_id >folders?; document_category_id >document_categories?; institution_id >institutions?
  title str; description text?; file_name str; path str; mime_type str?; size_bytes int; checksum str? ~hex64
  visibility enum[private|institution|public]=private; uploaded_by >users?; expires_on date? ~future_date; timestamps
  softdeletes
document_versions 140
  id; document_id >documents ~cycle; version int ~turn; path str; size_bytes int; changes text?; created_by >users?
  timestamps; unique(document_id, version)
document_shares 75
  id; document_id >documents; user_id >users?; institution_id >institutions?; token str unique ~hex40; can_edit bool=0
  expires_at datetime?; timestamps
document_downloads 180
  id; document_id >documents; user_id >users?; ip_address str?; downloaded_at datetime index
document_approvals 32
  id; document_id >documents; approver_id >users?; status enum[pending|approved|rejected]=pending; signed_at datetime?
  signature text? ~hex64; timestamps
attachments 24
  id str ~uuid; morphs? attachable Survey|Task|Document; file_name str; mime_type str; content blob ~bytes
  size_kb float? ~kg; timestamps; primary(id)
tags 25
  id; name str ~list_tag; slug str unique; color str? ~color; timestamps
taggables 140
  tag_id >tags; morphs taggable Document|Task|Survey; unique(tag_id, taggable_id, taggable_type)
link_shares 720
  id; uuid uuid unique; title str ~link_title; url text; link_type enum[video|sənəd|forma|digər]=digər index
  morphs shareable Institution|Survey|Document; institution_id >institutions?; shared_by >users none
  target_institutions json? ~ids; is_featured bool=0; click_count int=0 ~number:0-9000; expires_at datetime?
  timestamps; softdeletes
link_share_views 340
  id; link_share_id >link_shares; user_id >users?; ip_address str?; user_agent text?; viewed_at datetime index
approval_workflows 5
  id; name str ~title; model str ~morph_type:Survey|Document|Task; steps json; is_active bool=1; timestamps
approval_requests 48
  id; approval_workflow_id >approval_workflows; morphs approvable Survey|Document; requested_by >users?
  current_step int=1 ~number:1-3; status enum[pending|approved|returned|cancelled]=pending index; closed_at datetime?
  timestamps
approval_actions 82
  id; approval_request_id >approval_requests; user_id >users?; step int ~number:1-3
  action enum[approve|return|comment]; comment text?; acted_at datetime; timestamps
notifications 420
  id str ~uuid; type str ~notification_type; morphs notifiable User; data json ~notification; read_at datetime?
  timestamps; primary(id)
notification_templates 16
  id; key str unique ~code:notification; subject str? ~title; body text ~paragraph; channels json ~strings
  is_active bool=1; timestamps
notification_preferences 150
  id; user_id >users; channel enum[email|sms|push]; is_enabled bool=1; quiet_from time? ~clock; quiet_to time? ~clock
  timestamps; unique(user_id, channel)
announcements 28
  id; institution_id >institutions?; author_id >users?; title str; body text ~paragraph; published_at datetime?
  is_pinned bool=0; timestamps; softdeletes
announcement_reads 170
  announcement_id >announcements; user_id >users; read_at datetime?; primary(announcement_id, user_id)
message_threads 33
  id; uuid uuid unique; subject str? ~title; created_by >users?; last_message_at datetime?; timestamps
message_thread_user 98
  message_thread_id >message_threads; user_id >users; is_muted bool=0; joined_at datetime?
messages 210
  id; message_thread_id >message_threads; sender_id >users?; body text; attachments json?; read_at datetime?
  timestamps; softdeletes
events 38
  id; uuid uuid unique; institution_id >institutions?; title str; description text?; location str? ~place
  starts_at datetime; ends_at datetime?; all_day bool=0; color str? ~color; created_by >users?; timestamps
  softdeletes
event_user 120
  event_id >events; user_id >users; answer str? ~pick:gələcək|gəlməyəcək|bəlkə; created_at datetime?
support_tickets 43
  id; number str unique ~code:TKT; user_id >users?; subject str ~title; status enum[open|waiting|solved]=open
  priority int=3 ~number:1-5; closed_at datetime?; timestamps
support_ticket_messages 105
  id; support_ticket_id >support_tickets; user_id >users?; body text; is_internal bool=0; timestamps
sms_logs 0
  id; user_id >users?; phone str; body text; cost dec=0; sent_at datetime?; timestamps
"""
