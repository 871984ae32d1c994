"""The demo's teaching: years, classes, timetables, students, attendance, marks."""

from __future__ import annotations

TABLES = """
academic_years 6
  id; name str unique ~academic_year; starts_on date; ends_on date; is_current bool=0; timestamps
academic_terms 12
  id; academic_year_id >academic_years ~cycle; number int ~turn; name str ~pick:I yarımil|II yarımil; starts_on date
  ends_on date; timestamps; unique(academic_year_id, number)
education_levels 4
  id; name str ~list:Məktəbəqədər|İbtidai|Ümumi orta|Tam orta; position int=0 ~serial; timestamps
class_levels 11
  id; education_level_id >education_levels; name str ~list:I|II|III|IV|V|VI|VII|VIII|IX|X|XI
  number int unique ~serial; timestamps
school_classes 96
  id; institution_id >institutions; class_level_id >class_levels; academic_year_id >academic_years
  letter str ~pick:a|b|c|ç|d|ə; teacher_id >users?; room_id >rooms?; language enum[az|ru|en]=az
  capacity int=30 ~number:18-34; timestamps; softdeletes
subjects 14
  id; name str ~list_subject; code str unique ~code:FN; is_core bool=1; timestamps
class_level_subject 90
  class_level_id >class_levels; subject_id >subjects; weekly_hours dec=2 ~hours; primary(class_level_id, subject_id)
curricula 18
  id; subject_id >subjects; class_level_id >class_levels; version str=1.0 ~pick:1.0|1.1|2.0; approved_on date?
  content json?; timestamps
curriculum_topics 140
  id; curriculum_id >curricula ~cycle; position int ~turn; title str; hours dec=1 ~hours; timestamps
  unique(curriculum_id, position)
lesson_plans 67
  id; teacher_id >users; subject_id >subjects; school_class_id >school_classes?; title str; goals text?
  activities json?; planned_on date; is_shared bool=0; timestamps; softdeletes
textbooks 42
  id; subject_id >subjects?; class_level_id >class_levels?; title str; isbn str? unique ~isbn
  published_year int? ~number:2012-2025; price dec? ~money; timestamps
textbook_distributions 86
  id; textbook_id >textbooks; institution_id >institutions; quantity int=0; delivered_on date?; signed_by >users?
  timestamps
schedules 31
  id; uuid uuid unique; institution_id >institutions; academic_term_id >academic_terms?; name str ~title
  status enum[draft|approved|archived]=draft; settings json?; approved_at datetime?; timestamps; softdeletes
schedule_slots 480
  id; schedule_id >schedules; school_class_id >school_classes; subject_id >subjects; teacher_id >users?
  room_id >rooms?; weekday int ~number:1-5; starts time; ends time; timestamps; index(schedule_id, weekday)
schedule_changes 29
  id; schedule_slot_id >schedule_slots; changed_on date; substitute_id >users?; new_room_id >rooms?; reason text?
  timestamps
holidays 17
  id; name str ~list:Novruz bayramı|Yeni il|Qadınlar günü|Respublika Günü|Zəfər Günü|Qurban bayramı|Ramazan bayramı
  starts_on date; ends_on date; is_public bool=1; timestamps
substitutions 0
  id; teacher_absence_id >teacher_absences; substitute_id >users?; taught_on date; hours dec=1; timestamps
students 20
  id; uuid uuid unique; first_name str; last_name str; father_name str?; utis_code str? unique ~digits7
  institution_id >institutions; school_class_id >school_classes?; birth_date date ~child_birth
  gender enum[kişi|qadın]; admission_year int ~number:2016-2025; address text?; is_active bool=1; timestamps
  softdeletes
guardians 26
  id; first_name str; last_name str; phone str?; email str?; workplace str? ~department; timestamps
guardian_student 34
  guardian_id >guardians; student_id >students; relation str=mother ~pick:mother|father|guardian
  primary(guardian_id, student_id)
student_enrollments 40
  id; student_id >students; school_class_id >school_classes; academic_year_id >academic_years; enrolled_on date
  left_on date? ~null; timestamps
student_transfers 4
  id; student_id >students; from_institution_id >institutions?; to_institution_id >institutions?; moved_on date
  reason text?; timestamps
student_health_records 20
  id; student_id >students unique; blood_group str? ~pick:I+|II+|III+|IV+|I-; height_cm dec? ~number:110-184
  weight_kg dec? ~kg; allergies json? ~strings; vaccinated bool=1; checked_on date?; timestamps
student_achievements 16
  id; student_id >students; title str; place int? ~number:1-3; awarded_on date; certificate_path str? ~path
  timestamps
student_notes 37
  id; student_id >students; author_id >users?; body text; is_private bool=1; timestamps; softdeletes
class_student 38
  school_class_id >school_classes; student_id >students; joined_on date?; primary(school_class_id, student_id)
attendance_reasons 6
  id; name str ~list:Xəstəlik|Ailə vəziyyəti|Olimpiada|Səfər|Hava şəraiti|Digər; is_excused bool=0; timestamps
attendance_records 900
  id; student_id >students; school_class_id >school_classes?; date date; lesson_number int? ~number:1-7
  status enum[iştirak|qaib|gecikmə|üzrlü]=iştirak index; attendance_reason_id >attendance_reasons?
  recorded_by >users?; arrived_at time? ~clock; timestamps; index(student_id, date)
attendance_reports 160
  id; institution_id >institutions; school_class_id >school_classes?; date date index; present int=0 ~number:15-30
  absent int=0 ~few; rate dec? ~percent; submitted_by >users?; submitted_at datetime?; timestamps
attendance_summaries 110
  id; institution_id >institutions; month str ~month; first_lesson int=0 ~number:200-900
  last_lesson int=0 ~number:200-900; rate float ~percent; timestamps; unique(institution_id, month)
preschool_groups 44
  id; institution_id >institutions; name str ~pick:Günəş|Bənövşə|Qızılgül|Kəpənək|Ulduz|Nərgiz
  age_from int=3 ~number:2-4; age_to int=6 ~number:5-6; teacher_id >users?; child_count int=0 ~number:8-28; timestamps
preschool_attendances 230
  id; preschool_group_id >preschool_groups; date date; registered int=0 ~number:15-28; present int=0 ~number:6-15
  recorded_by >users?; timestamps; unique(preschool_group_id, date)
preschool_attendance_photos 31
  id; preschool_attendance_id >preschool_attendances; path str; size_bytes int; taken_at datetime?; timestamps
assessment_types 7
  id; name str ~list:Diaqnostik|Kiçik summativ|Böyük summativ|Monitorinq|Buraxılış|Sınaq|Beynəlxalq
  code str unique ~code:QT; max_score dec=100 ~const_int:100; is_active bool=1; timestamps
assessments 52
  id; uuid uuid unique; assessment_type_id >assessment_types restrict; institution_id >institutions?
  subject_id >subjects?; class_level_id >class_levels?; title str; held_on date; starts time?
  duration_minutes int? ~number:30-180; rubric json?; created_by >users?; timestamps; softdeletes
assessment_criteria 118
  id; assessment_id >assessments ~cycle; position int ~turn; title str; weight dec=1 ~weight; timestamps
  unique(assessment_id, position)
assessment_scores 380
  id; assessment_id >assessments; student_id >students; score dec? ~score; percentile float? ~percent
  scored_by >users?; scored_at datetime?; timestamps; unique(assessment_id, student_id)
exams 21
  id; title str; academic_year_id >academic_years; held_on date; starts time; fee dec? ~money; rules text?; timestamps
exam_results 95
  id; exam_id >exams; student_id >students; variant str? ~pick:A|B|C|D; score dec? ~score; answers json?
  appealed bool=0; timestamps; unique(exam_id, student_id)
grade_scales 3
  id; name str ~list:Beşballıq|Yüzballıq|Keyfiyyət; is_default bool=0; timestamps
grade_scale_items 14
  id; grade_scale_id >grade_scales ~cycle; position int ~turn; label str ~pick:2|3|4|5|əla|yaxşı|kafi
  min_score dec ~score; timestamps
grades 5449
  id; student_id >students; subject_id >subjects none; teacher_id >users?; academic_term_id >academic_terms?
  score dec? ~score; kind enum[cari|summativ|yekun]=cari; is_final bool=0; graded_on date; lesson_time time? ~clock
  comment text?; timestamps; index(student_id, subject_id, graded_on)
grade_comments 44
  id; grade_id >grades; user_id >users?; body text; timestamps
grade_corrections 27
  id; grade_id >grades; old_score dec? ~score; new_score dec? ~score; corrected_by >users?; reason text?
  corrected_at datetime; timestamps
homework 130
  id; school_class_id >school_classes; subject_id >subjects; teacher_id >users?; title str; body text?
  due_at datetime; timestamps; softdeletes
homework_submissions 150
  id; homework_id >homework; student_id >students; answer text?; file_path str? ~path; score dec? ~score
  submitted_at datetime?; timestamps; unique(homework_id, student_id)
olympiads 8
  id; name str ~title; subject_id >subjects?; stage enum[school|district|republic|international]=school; held_on date
  timestamps
olympiad_results 33
  id; olympiad_id >olympiads; student_id >students; points dec ~score; medal str? ~pick:qızıl|gümüş|bürünc; timestamps
  unique(olympiad_id, student_id)
"""
