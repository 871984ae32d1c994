"""The demo's words: common Azerbaijani names, places and school matters, put together at random; no real person's."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.split("|") if word]


MALE = _words("""
Əli|Vüqar|Rəşad|Elçin|Şahin|İlqar|Tural|Orxan|Ceyhun|Nicat|Fərid|Samir|Murad|Kamran|Emin|Ülvi|Zaur|İsmayıl|Anar
Ruslan
""")
FEMALE = _words("""
Aygün|Nərgiz|Şəbnəm|Günel|Ləman|Röya|Xəyalə|Sevinc|Ülkər|İlahə|Könül|Zümrüd|Fidan|Çinarə|Təranə|Gülşən|Nigar|Aysel
Pərvanə|Jalə
""")
SURNAMES = _words("""
Əliyev|Məmmədov|Hüseynov|Quliyev|Həsənov|İsmayılov|Kərimov|Şükürov|Cəfərov|Ağayev|Rəhimov|Nəbiyev|Süleymanov
Mustafayev|Qasımov|Babayev|Vəliyev|Abbasov|Göyüşov|Çələbiyev|Nağıyev|Zeynalov|Öməroğlu|Bağırzadə|Axundzadə
""")
PLACES = _words("""
Bakı|Gəncə|Sumqayıt|Şəki|Şirvan|Mingəçevir|Quba|Lənkəran|Ağdam|Şuşa|Füzuli|İmişli|Göyçay|Naxçıvan
""")
SETTLEMENTS = _words("""
Xırdalan|Maştağa|Binəqədi|Bülbülə|Saray|Hökməli|Novxanı|Corat|Kürdəmir|Oğuz|Qəbələ|İsmayıllı|Ağsu|Şamaxı|Zaqatala
Balakən|Qax|Tovuz|Qazax|Ağstafa|Şəmkir|Göygöl|Daşkəsən|Bərdə|Tərtər|Ağcabədi|Beyləqan|Sabirabad|Saatlı|Biləsuvar
Cəlilabad|Masallı|Lerik|Astara|Yardımlı|Xaçmaz
""")
STREETS = _words("""
Nizami|Füzuli|Xaqani|Nəsimi|Üzeyir Hacıbəyli|Səməd Vurğun|İçərişəhər|Çinarlı|Bülbül|Təbriz|Gənclik|Məktəb
""")
SUBJECTS = _words("""
Azərbaycan dili|Ədəbiyyat|Riyaziyyat|Fizika|Kimya|Biologiya|Coğrafiya|Ümumi tarix|İnformatika|İngilis dili|Rus dili
Musiqi|Təsviri incəsənət|Fiziki tərbiyə
""")
JOBS = _words("""
Direktor|Direktor müavini|Müəllim|Psixoloq|Kitabxanaçı|Təsərrüfat müdiri|Tərbiyəçi|Metodist|Operator|Mühasib
Laborant|Baş mütəxəssis
""")
DEPARTMENTS = _words("""
Kadrlar şöbəsi|Statistika şöbəsi|Maliyyə şöbəsi|Ümumi təhsil şöbəsi|Məktəbəqədər təhsil şöbəsi
İnformasiya texnologiyaları şöbəsi|Təchizat şöbəsi|Qəbul və mərkəzləşdirilmiş sənədlər şöbəsi
""")
THINGS = _words("""
davamiyyət|müəllim məmnuniyyəti|yoluxma riski|yay istirahəti|kitab fondu|dərs cədvəli|qış hazırlığı|istilik sistemi
inventar|buraxılış imtahanı|olimpiada|rəqəmsal bacarıqlar|valideyn iclası|yeməkxana|nəqliyyat|əsaslı təmir
işçi heyəti|yanğın təhlükəsizliyi
""")
FORMS = _words("""
Hesabat: {}|{} üzrə sorğu|{} — aylıq göstəricilər|{} haqqında məlumat|“{}” layihəsi|{} (təcili)|İclas: {}
{} / 2025-ci il
""")
SENTENCES = _words("""
Zəhmət olmasa, məlumatları ayın sonuna qədər təqdim edin.|Şagirdlərin siyahısı yoxlanıldı, dəyişiklik yoxdur.
Müəllim əvəzlənməsi üçün əmr hazırlanmalıdır.|Göstəricilər keçən illə müqayisədə yaxşılaşıb.
İnternet bağlantısı zəif olduğundan hesabat gecikdi.|Sənədin əsli arxivdə saxlanılır.
Valideynlərlə görüş keçirildi; protokol əlavə olunub.|Çatışmayan avadanlıq barədə sektora məlumat verildi.
Ölçü və çəki göstəriciləri tibb bacısı tərəfindən qeyd edilib.|Düzəliş edildi: əvvəlki rəqəm səhv idi.
Uşaqların təhlükəsizliyi üçün giriş-çıxış nəzarətdədir.|Növbəti yoxlama yanvar ayında olacaq.
Hörmətli həmkarlar, sorğunu “diqqətlə” doldurun!|Əlavə: C:\\hesabat\\dekabr.xlsx|Təşəkkür edirik 🙂
İşıqlar söndürülüb, qapı bağlıdır.
""")
TAGS = _words("""
vacib|hesabat|əmr|sorğu|şagird|müəllim|təmir|büdcə|olimpiada|imtahan|yay|qış|arxiv|layihə|təlim|valideyn|idman
kitab|internet|təhlükəsizlik|səhiyyə|nəqliyyat|qəbul|köçürmə|digər
""")
COMPANIES = _words("""
Qızıl Qələm|Şərq Mebel|Odlar Kağız|Xəzər Texno|Təhsil Təchizat|Göy Göl Servis|İşıq Print|Çinar Tikinti
""")
ITEMS = _words("""
Şagird partası|Müəllim masası|Noutbuk|Proyektor|Printer|Stul|Ağ lövhə|Mikroskop|Futbol topu|Kitab rəfi|Qazan|Saz
""")
FILES = _words("""
hesabat.xlsx|əmr.pdf|şagird siyahısı.docx|protokol.pdf|cədvəl.xlsx|foto.jpg|müqavilə.pdf|təqdimat.pptx
""")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
)
MIME = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
}
