"""Tables of Thai names with the romanisations that people use: Thai, then three of them a name."""

from __future__ import annotations

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

_FIRST_ELEMENTS = """
ศรี Si Sri See
ทอง Thong Tong Thorng
สุข Suk Sook Suk
บุญ Bun Boon Bhun
แก้ว Kaeo Kaew Keaw
จันทร์ Chan Jan Chun
แสง Saeng Sang Seang
พรหม Phrom Prom Prohm
เพชร Phet Petch Pech
รัตน Rattana Ratana Rattna
มณี Mani Manee Maneee
สิงห์ Sing Singh Sing
อินทร์ In Inn Intr
คำ Kham Kam Khum
พูล Phun Poon Pool
ธน Thana Tana Dhana
วิริยะ Wiriya Viriya Wiriyah
อุดม Udom Oudom Udom
โชติ Chot Chote Chod
ภักดี Phakdi Pakdee Phakdee
หาญ Han Harn Hahn
เลิศ Loet Lert Lerd
รุ่ง Rung Roong Rhung
ปาน Pan Parn Paan
ยอด Yot Yod Yord
นพ Noppha Noppa Nopa
กิจ Kit Kij Gij
วร Wora Vora Wara
ศุภ Supha Supa Subha
อัศว Atsawa Asava Assawa
"""

_LAST_ELEMENTS = """
วงศ์ wong wong vong
สกุล sakun sakul sakool
พันธุ์ phan pan phunt
กุล kun kul kool
ชาติ chat chart chad
ทรัพย์ sap sub sup
สุวรรณ suwan suwan suvan
มงคล mongkhon mongkol mongkon
เดช det dej dech
ประเสริฐ prasoet prasert prasird
รักษ์ rak ruk rux
งาม ngam ngarm ngaam
บุตร but boot butr
ศิริ siri siri ziri
พงษ์ phong pong bhong
ธรรม tham tum dham
เกตุ ket kate gate
ทิพย์ thip tip thib
เมือง mueang muang meuang
พิชัย phichai pichai phichay
คง khong kong khong
ขวัญ khwan kwan kwun
เพ็ง pheng peng phaeng
อาภรณ์ aphon aporn arporn
โสภณ sophon sopon sophol
วิทยา witthaya vitaya wittaya
ไพศาล phaisan paisarn paisal
ตระกูล trakun trakul trakool
นุกูล nukun nukul nukool
จินดา chinda jinda chindar
"""


def _rows(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split()) for line in table.strip().splitlines())


MEN = _rows(_MEN)
WOMEN = _rows(_WOMEN)
FAMILIES = _rows(_FAMILIES)
FIRST_ELEMENTS = _rows(_FIRST_ELEMENTS)
LAST_ELEMENTS = _rows(_LAST_ELEMENTS)
"""Most family names are one family's own, put together of elements such as these."""
