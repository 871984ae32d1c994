"""The demo's institutions, their buildings and their people."""

from __future__ import annotations

TABLES = """
regions 14
  id; name str ~list_place; code str unique ~code:REG; population int? ~number:9000-400000; area_km2 dec? ~money
  timestamps
institution_types 8
  id; key str unique; label str; level int=1; is_active bool=1; permissions json? ~null; timestamps
institutions 360
  id; uuid uuid unique; parent_id >institutions?; institution_type_id >institution_types restrict; region_id >regions?
  name str; short_name str?; code str unique; utis_code str? unique; region_code str=AZ; contact json? ~contact
  latitude dec? ~latitude; longitude dec? ~longitude; student_count int=0 ~number:40-1900
  established_on date? ~founded; is_active bool=1; timestamps; softdeletes; index(parent_id, is_active)
institution_contacts 210
  id; institution_id >institutions; name str ~person; position str? ~job_title; phone str?; email str?
  is_primary bool=0; timestamps
institution_licenses 74
  id; institution_id >institutions; number str unique ~code:LSZ; issued_on date; valid_until date? ~future_date
  document_path str? ~path; timestamps
institution_rankings 128
  id; institution_id >institutions; academic_year_id >academic_years; place int ~number:1-360; points dec ~score
  details json?; timestamps; unique(institution_id, academic_year_id)
institution_user 190
  institution_id >institutions; user_id >users; is_manager bool=0; primary(institution_id, user_id)
institution_type_permission 40
  institution_type_id >institution_types; permission_id >permissions; primary(institution_type_id, permission_id)
departments 56
  id; institution_id >institutions; parent_id >departments?; name str ~department; head_id >users?
  capacity int? ~number:2-40; is_active bool=1; timestamps; softdeletes
positions 19
  id; name str ~job_title; category enum[pedagogical|administrative|technical]=pedagogical; base_salary dec? ~money
  timestamps
buildings 92
  id; institution_id >institutions; name str ~building; address text?; floors int? ~number:1-5
  built_year int? ~number:1952-2023; area_m2 dec? ~money; timestamps
room_types 7
  id; name str ~list:Sinif otağı|Laboratoriya|İdman zalı|Akt zalı|Kitabxana|Yeməkxana|Emalatxana; timestamps
rooms 260
  id; building_id >buildings; room_type_id >room_types?; number str ~room; floor int=1 ~number:1-4
  capacity int? ~number:12-40; has_projector bool=0; timestamps; unique(building_id, number)
user_profiles 230
  id; user_id >users unique; father_name str?; address text?; education json?; bio text?; emergency_phone str? ~phone
  timestamps
teacher_profiles 164
  id; user_id >users unique; institution_id >institutions?; position_id >positions?
  employment_status str=aktiv ~employment; category str? ~pick:ali|birinci|ikinci; experience_years int? ~number:0-41
  weekly_hours dec=18 ~hours; hired_on date?; certificates json? ~strings; timestamps; softdeletes
  index(institution_id, employment_status)
teacher_subject 240
  teacher_profile_id >teacher_profiles; subject_id >subjects; is_primary bool=0
  primary(teacher_profile_id, subject_id)
teacher_certificates 88
  id; teacher_profile_id >teacher_profiles; title str; issuer str? ~department; issued_on date?; score dec? ~score
  file_path str? ~path; timestamps
teacher_ratings 140
  id; teacher_profile_id >teacher_profiles; academic_year_id >academic_years; rated_by >users?; rating dec ~rating
  breakdown json?; timestamps
teacher_absences 71
  id; teacher_profile_id >teacher_profiles; starts_on date; ends_on date; reason text?; is_paid bool=1; timestamps
staff_contracts 150
  id; user_id >users; position_id >positions restrict; number str unique ~code:MQV; salary dec? ~money; starts_on date
  ends_on date?; is_signed bool=0; timestamps
leave_requests 58
  id; user_id >users; kind str ~pick:illik|xəstəlik|ödənişsiz
  status enum[gözləyir|təsdiqləndi|rədd_edildi]=gözləyir index; starts_on date; ends_on date; approved_by >users?
  comment text?; timestamps
professional_trainings 15
  id; title str; provider str? ~department; starts_on date; ends_on date; hours int=24 ~number:8-120; is_online bool=0
  timestamps
training_participants 110
  id; professional_training_id >professional_trainings; user_id >users; passed bool?; score dec? ~score; timestamps
  unique(professional_training_id, user_id)
"""
