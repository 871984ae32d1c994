"""Common Azerbaijani names, places and school matters, which the data is put together from."""


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.split("|") if word]


MALE = _words("Əli|Vüqar|Rəşad|Elçin|Şahin|İlqar|Tural|Orxan|Ceyhun|Nicat|Fərid|Samir|Murad|Kamran|Ülvi|Zaur|İsmayıl")
FEMALE = _words("Aygün|Nərgiz|Şəbnəm|Günel|Ləman|Röya|Xəyalə|Sevinc|Ülkər|İlahə|Könül|Fidan|Çinarə|Təranə|Nigar|Jalə")
SURNAMES = _words("""
Əliyev|Məmmədov|Hüseynov|Quliyev|Həsənov|İsmayılov|Kərimov|Şükürov|Cəfərov|Ağayev|Rəhimov|Nəbiyev|Süleymanov
Mustafayev|Qasımov|Babayev|Vəliyev|Abbasov|Göyüşov|Nağıyev|Zeynalov|Öməroğlu|Bağırzadə
""")
PLACES = _words("Bakı|Gəncə|Sumqayıt|Şəki|Şirvan|Mingəçevir|Quba|Lənkəran|Ağdam|Şuşa|Füzuli|İmişli|Göyçay|Naxçıvan")
STREETS = _words("Nizami|Füzuli|Xaqani|Nəsimi|Üzeyir Hacıbəyli|Səməd Vurğun|İçərişəhər|Çinarlı|Bülbül|Təbriz|Gənclik")
SUBJECTS = _words("""
Azərbaycan dili|Ədəbiyyat|Riyaziyyat|Fizika|Kimya|Biologiya|Coğrafiya|Ümumi tarix|İnformatika|İngilis dili|Musiqi
Təsviri incəsənət|Fiziki tərbiyə
""")
THINGS = _words("""
Davamiyyət|Müəllim məmnuniyyəti|Yay istirahəti|Kitab fondu|Dərs cədvəli|Qış hazırlığı|İstilik sistemi|Olimpiada
Rəqəmsal bacarıqlar|Valideyn iclası|Yeməkxana|Nəqliyyat|Əsaslı təmir|Yanğın təhlükəsizliyi
""")
FORMS = _words("{}: aylıq göstəricilər|{} üzrə sorğu|{} haqqında məlumat|{} (təcili)|{} / 2025-ci il")
SENTENCES = _words("""
Zəhmət olmasa, məlumatları ayın sonuna qədər təqdim edin.|Göstəricilər keçən illə müqayisədə yaxşılaşıb.
Sənədin əsli arxivdə saxlanılır.|Valideynlərlə görüş keçirildi; protokol əlavə olunub.
Hörmətli həmkarlar, sorğunu “diqqətlə” doldurun!|Təşəkkür edirik 🙂|İnternet zəif olduğundan hesabat gecikə bilər.
""")
COMMENTS = _words(
    "Əla cavab|Fəal iştirak|Ev tapşırığı yoxdur|Düzəliş edildi: əvvəlki rəqəm səhv idi|Təkrar lazımdır|🙂"
)
QUESTIONS = _words("""
Məktəbdə neçə kompüter işlək vəziyyətdədir?|İstilik sistemi qışa hazırdırmı?|Kitab çatışmazlığı varmı?
Şagirdlərin orta davamiyyəti neçə faizdir?|Əlavə müəllimə ehtiyac varmı?|Rəyiniz
""")
