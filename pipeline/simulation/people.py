"""The simulated people: given and family names with the romanisations that people use."""

from __future__ import annotations

import random
from dataclasses import dataclass

_MEN = """
สมชาย Somchai Somchay Somchaai
ประเสริฐ Prasert Prasoet Prasirt
วิชัย Wichai Vichai Wichay
สุรชัย Surachai Surachay Surachaiy
อนุชา Anucha Anuchar Anutcha
ธนพล Thanaphon Tanapon Thanapol
ณัฐพล Natthaphon Nattapon Nuttapol
กิตติ Kitti Kittee Kitty
ชัยวัฒน์ Chaiwat Chaiyawat Chaivat
พงศกร Phongsakon Pongsakorn Pongsakon
ศักดิ์ชัย Sakchai Sakdichai Sukchai
นพดล Nopphadon Noppadol Nopadon
ภาณุพงศ์ Phanuphong Panupong Bhanupong
เอกชัย Ekkachai Ekachai Egkachai
ธีรเดช Thiradet Teeradej Theeradech
วรวุฒิ Worawut Voravut Worawuth
ปิยะ Piya Piyah Biya
จักรกฤษณ์ Chakkrit Jakkrit Chakkit
สุทธิพงษ์ Sutthiphong Suttipong Suthipong
ไพโรจน์ Phairot Pairoj Pairote
มานพ Manop Manob Manope
บุญมี Bunmi Boonmee Bunmee
อำนาจ Amnat Umnat Amnaj
กฤษฎา Kritsada Krissada Grisada
ยุทธนา Yutthana Yuttana Yuthana
ทวีศักดิ์ Thawisak Taweesak Thaveesak
รัฐพล Ratthaphon Rattapon Rathapol
สันติ Santi Sunti Santee
เกรียงไกร Kriangkrai Griangkrai Kreangkrai
ชาญวิทย์ Chanwit Charnwit Chanvit
"""

_WOMEN = """
สมหญิง Somying Somyhing Somjing
มาลี Mali Malee Malie
วิภา Wipha Vipa Wipa
สุดารัตน์ Sudarat Sudarut Sudaratt
กนกวรรณ Kanokwan Kanokvan Ganokwan
พรทิพย์ Phonthip Porntip Pornthip
นภัสสร Naphatson Napassorn Napatsorn
อรทัย Orathai Oratai Aurathai
จันทร์เพ็ญ Chanphen Janpen Chanpen
รัตนา Rattana Ratana Ruttana
ปราณี Prani Pranee Pranie
สุภาพร Suphaphon Supaporn Supapon
ณัฐธิดา Natthida Nattida Nuttida
ธัญญารัตน์ Thanyarat Tanyarat Thunyarat
วันเพ็ญ Wanphen Wanpen Vanpen
ศิริพร Siriphon Siriporn Siripon
อัญชลี Anchali Anchalee Unchalee
กัลยา Kanlaya Kalaya Gullaya
จิราพร Chiraphon Jiraporn Chiraporn
เบญจมาศ Benchamat Benjamas Benchamas
ดวงใจ Duangchai Duangjai Doungjai
พิมพ์ชนก Phimchanok Pimchanok Pimchanoke
ชุติมา Chutima Chutimar Shutima
ลัดดา Ladda Laddar Lada
มณีรัตน์ Manirat Maneerat Manerat
นงลักษณ์ Nonglak Nongluk Nongluck
วราภรณ์ Waraphon Waraporn Varaporn
ทิพวรรณ Thipphawan Tippawan Thipawan
ปนัดดา Panadda Panatda Punadda
อารยา Araya Araiya Arayah
"""

_FAMILIES = """
ใจดี Chaidi Jaidee Chaidee
ศรีสุข Sisuk Srisuk Srisook
ทองดี Thongdi Tongdee Thongdee
แสงจันทร์ Saengchan Sangjan Saengjun
บุญเรือง Bunrueang Boonruang Bunruang
วงศ์ใหญ่ Wongyai Vongyai Wongyhai
สุวรรณ Suwan Suvarn Suwann
รักษา Raksa Ruksa Rugsa
พรหมมา Phromma Promma Prhomma
จันทร์แก้ว Chankaeo Jankaew Chankaew
คงสวัสดิ์ Khongsawat Kongsawas Kongsawad
มั่นคง Mankhong Munkong Mankong
อินทร์แก้ว Inkaeo Inkaew Intkaew
แก้วมณี Kaeomani Kaewmanee Keawmanee
ชัยศรี Chaisi Chaisri Chaisree
สายทอง Saithong Saitong Saythong
พึ่งพา Phuengpha Pungpa Phuengpa
เจริญสุข Charoensuk Jaroensuk Charernsook
ดวงดี Duangdi Duangdee Doungdee
ภูมิใจ Phumchai Poomjai Phoomjai
กล้าหาญ Klahan Glahan Klaharn
สมบูรณ์ Sombun Somboon Sombhoon
นาคสุข Naksuk Narksuk Naksook
ปานทอง Panthong Pantong Parnthong
ยิ่งยง Yingyong Yingyhong Yingyoung
หอมหวาน Homwan Homhwan Homvan
ขันทอง Khanthong Kantong Khuntong
เพชรดี Phetdi Petchdee Phetdee
โพธิ์ทอง Phothong Potong Photong
เกิดผล Koetphon Kerdpol Kirdpon
สิงห์โต Singto Singtoh Singhto
วัฒนา Watthana Wattana Vadhana
ศิริวัฒน์ Siriwat Sirivat Siriwatt
ธรรมดี Thamdi Tamdee Thamdee
อ่อนละมัย Onlamai Onlamay Onlamaai
สว่างวงศ์ Sawangwong Swangwong Savangvong
พิทักษ์ Phithak Pitak Pithuk
ไชยวงศ์ Chaiyawong Chaiwong Jaiyawong
บัวทอง Buathong Buatong Boathong
กาญจนา Kanchana Karnjana Ganchana
เทพารักษ์ Theppharak Teparak Thepharuk
นิลเพชร Ninphet Ninpetch Nilpet
รุ่งเรือง Rungrueang Rungruang Roongruang
วิเศษ Wiset Viset Wisess
สุขเกษม Sukkasem Sukasem Sookkasem
มีทรัพย์ Misap Meesap Meesub
ลาภมาก Lapmak Larbmak Lapmark
เดชา Decha Deja Dacha
ฤทธิ์เดช Ritthidet Rittidej Ritdech
ปัญญา Panya Punya Pannya
พลอยงาม Phloingam Ployngam Ploingam
อุดมชัย Udomchai Oudomchai Udomchay
แซ่ลิ้ม Saelim Sae-Lim Saelhim
แซ่ตั้ง Saetang Sae-Tang Saetung
ทองคำ Thongkham Tongkam Thongkum
หมื่นไทย Muenthai Muentai Mhuenthai
คำแก้ว Khamkaeo Kamkaew Khumkaew
เรืองศรี Rueangsi Ruangsri Reungsri
ชูเกียรติ Chukiat Chookiat Chukiet
ยอดรัก Yotrak Yodrak Yodruk
"""

_MEN_TITLES = ("นาย", "นาย ", "Mr. ", "MR ", "Mr ")
_WOMEN_TITLES = ("น.ส.", "นางสาว", "นาง ", "น.ส. ", "Ms. ", "MISS ", "Mrs. ")


def _rows(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in table.strip().splitlines())


MEN = _rows(_MEN)
WOMEN = _rows(_WOMEN)
FAMILIES = _rows(_FAMILIES)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name: each name is a row of its Thai form and its romanisations."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    woman: bool

    @property
    def thai(self) -> str:
        """The name as the bank's register writes it."""
        return f"{self.given[0]} {self.family[0]}"


def some_person(rng: random.Random) -> Person:
    """Return a person with a random name."""
    woman = rng.random() < 0.5
    return Person(rng.choice(WOMEN if woman else MEN), rng.choice(FAMILIES), woman)


def written_name(rng: random.Random, person: Person) -> str:
    """Write a name as a reporter would: Thai or romanised, titled, shortened or turned round."""
    titles = _WOMEN_TITLES if person.woman else _MEN_TITLES
    style = rng.random()
    if style < 0.45:
        title = rng.choice(titles[:2]) if rng.random() < 0.5 else ""
        return f"{title}{person.thai}"
    if style < 0.52:
        # Bank apps mask the family name on the slip.
        return f"{person.given[0]} {person.family[0][0]}***"
    given = rng.choice(person.given[1:])
    family = rng.choice(person.family[1:])
    if style < 0.72:
        title = rng.choice(titles[2:]) if rng.random() < 0.4 else ""
        plain = f"{title}{given} {family}"
        return plain.upper() if rng.random() < 0.35 else plain
    if style < 0.86:
        return f"{given.upper()} {family[0].upper()}."
    return f"{family} {given}" if style < 0.94 else given
