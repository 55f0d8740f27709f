"""User agents of mail clients, browsers and machines, as real ones are written."""

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_CHROME = f"{_WINDOWS} {_BLINK} Chrome/126.0.0.0 Safari/537.36"
_ELECTRON = "Chrome/122.0.6261.156 Electron/29.4.6 Safari/537.36"
_THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101"
_VIEW = f"{_BLINK} Version/4.0 Chrome/120.0.6099.230 Mobile Safari/537.36"
_ANDROID = "Mozilla/5.0 (Linux; Android 14; {}; wv) " + _VIEW
_PIXEL = _ANDROID.format("Pixel 8 Build/UQ1A.240205.004")

MAIL_CLIENTS = [
    ("Microsoft Office/16.0 (Windows NT 10.0; MAPI 16.0.12026; Pro)", "Outlook"),
    (
        (
            "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; "
            "Pro; MAPI)"
        ),
        "Outlook",
    ),
    ("Microsoft Office/16.0 (Windows NT 10.0; 16.0.9126; Pro)", "Outlook"),
    (
        (
            "com.google.Gmail.AppAndExtensionsFramework/20240825.08 "
            "google-api-objc-client/3.0 iPhone/18.4 hw/iPhone14_7 (gzip)"
        ),
        "Gmail app",
    ),
    ("com.google.Gmail/6.0.240609 iSL/3.4 iPhone/17.5.1 hw/iPhone14_5", "Gmail app"),
    ("Outlook 16", "Outlook"),
    ("Outlook-Android/2.0", "Outlook"),
    ("com.microsoft.office.outlook/4.23 (Android 13; CUBOT X20)", "Outlook"),
    (f"{_PHONE} {_WEBKIT} Outlook-iOS-Android/1.0 Mobile/13G35", "Outlook"),
    ("Windows-Live-Mail/15.4.3508.1109", "Windows Mail"),
    ("Microsoft-Entourage/12.38.0 (Mac OS X)", "Entourage"),
    (f"{_THUNDERBIRD} Betterbird/102.13.0", "Thunderbird"),
    (f"{_THUNDERBIRD} Framabird/31.2.0", "Thunderbird"),
    (f"{_THUNDERBIRD} Spicebird/0.8", "Thunderbird"),
    ("Mozilla/5.0 (rv:38) Thunderbird/MSSante-1.2.0", "Thunderbird"),
    (
        (
            "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.8.1.13) Gecko/20080313 "
            "SeaMonkey/1.1.9 (Ubuntu-1.1.9+nobinonly-0ubuntu1)"
        ),
        "SeaMonkey",
    ),
    (f"{_THUNDERBIRD} Firefox/10.0.11esrpre Iceape/2.7.12", "SeaMonkey"),
    ("Lotus-Notes/8.5.3", "Notes"),
    ("IBM Notes/9.0.1", "Notes"),
    ("IBM-Notes/9.0", "Notes"),
    (f"{_THUNDERBIRD} PostboxApp/6.1.2", "Postbox"),
    ("The Bat! Voyager 4.0.18.4", "The Bat!"),
    ("TheBat!/4.0", "The Bat!"),
    ("eM_Client/9.2.1222", "eM Client"),
    ("Evolution 3.46.1", "Evolution"),
    ("Evolution-EWS/3.46", "Evolution"),
    ("MailBar/1.3.2 (Mac OS X Version 10.11.1 (Build 15B42))", "MailBar"),
    (f"{_PHONE} {_WEBKIT} Mobile/16A405 BlueMail iOS", "BlueMail"),
    (f"{_PHONE} {_WEBKIT} Mobile/15F79 MailMaster/6.5.3.1210", "Mail Master"),
    (f"{_CHROME} foxmail/7.2.15.80", "Foxmail"),
    ("Barca/2.8 (Windows NT 5.1)", "Barca"),
    ("BarcaPro/1.4 L.1001", "Barca"),
    (
        (
            "YahooMobile/1.0 (mail; 3.0.5.1311380); (Linux; U; Android 4.0.3; "
            "htc_runnymede Build/ICE_CREAM_SANDWICH_MR1);"
        ),
        "Yahoo Mail app",
    ),
    (
        "YahooMobileMail/1.0 (Android Mail; 1.3.6) (speedy;HTC;PG06100;2.2/FRF91)",
        "Yahoo Mail app",
    ),
    ("mobmail android 6.1.0.23122 ru.mail.mailapp", "Mail.ru app"),
    (
        (
            "Mozilla/5.0 (Windows; U; Windows NT 6.2; it; rv:1.9.2.19pre) "
            "Gecko/20110902 Prism zdesktop/7.2.8"
        ),
        "Zimbra Desktop",
    ),
    ("Zimbra/9.0.0_GA_4138", "Zimbra Desktop"),
    ("KMail/4.14.10 (FreeBSD/12.0-CURRENT; KDE/4.14.10; amd64; ; )", "KMail"),
    (f"{_LINUX} {_BLINK} kontact/4.13.3 Safari/534.34", "KMail"),
    ("CamelHttpStream/1.0 Evolution/3.2.3", "Evolution"),
    ("Eudora/6.2.4b8 (MacOS)", "Eudora"),
    ("IncrediMail/6.29.5126", "IncrediMail"),
    (f"{_MAC} {_WEBKIT} Sparrow/1178", "Sparrow"),
    *[
        (text, "mail client of another name")
        for text in (
            "Acompli/1.0",
            "aerc/0.14",
            "Alpine/2.21 (Linux; x86_64)",
            "Alpine 2.25",
            "Balsa 2.5.3",
            "Becky! ver. 2.81.04 [en]",
            "Boxer/5.2 (VMware)",
            "CloudMagic/9.1",
            "FirstClass/12",
            "Novell GroupWise 8.0",
            "Mailbox/2.0",
            "MailDroid/5",
            "Mailpile",
            "Mailplane/4",
            "Mimestream/1.0.1 (Mac OS X)",
            "Missive 10.3",
            "Mulberry/4.0.8",
            "Nine-YmluemUubW91/4.8",
            "Nylas-N1/0.4",
            "Pine/4.64",
            "RdlSpark/1.0",
            "Readdle Spark/2.0",
            "Shuriken Pro4",
            "SOGo/5",
            "Spark/3.17.2.98434 CFNetwork/1568.100.1 Darwin/24.0.0",
            "Spike/3",
            "TouchDown(MSRPC)",
            "Trojit\xe1 v0.7",
            "Turnpike Emporium",
            "Tuta/200",
            "TypeApp/1.9",
            "Unibox/1.8",
            "Wavebox/10",
            "ZohoTridentMac/1.5.0;D:MacBookAir10,1;OS:macOS;OSVersion: 14.5.0;T:Light",
            "Balsa/2.6.4",
            "Canary/413 (Macintosh; OS X 14.2.1)",
            "Geary/40.0 (Linux; x86_64)",
            "Gnus/5.13 (Gnus v5.13) Emacs/24.3 (gnu/linux)",
            "Horde::IMP/6.2.27 (Linux)",
            "K-9 Mail/5.600",
            "MailMate/5663 (Macintosh; Intel Mac OS X 10.15.7)",
            "Mutt/1.5.21 (2010-09-15)",
            "NeoMutt/20231221",
            "Newton/10.0.52 (Android 10; K)",
            "Nine/4.5.3a",
            f"{_MAC} {_BLINK} Polymail/2.3.12 {_ELECTRON}",
            f"{_MAC} {_BLINK} ProtonMail/1.4.0 {_ELECTRON}",
            "ProtonMail Bridge/3.8.2 (Macintosh; Intel Mac OS X 10_15_7)",
            "R2Mail2/2.50 (Android)",
            "RainLoop/1.17.0",
            "Roundcube Webmail/1.6.0",
            f"{_MAC} {_BLINK} SparkDesktop/3.0.30 {_ELECTRON}",
            f"{_MAC} {_BLINK} Superhuman/1.0 {_ELECTRON}",
            "Sylpheed/3.7.0 (MinGW32; Windows NT 6.1; x86_64)",
            "Trojita/0.7",
            "Turnpike/6.07-U",
            f"{_WINDOWS} {_BLINK} tutanota-desktop/3.110.1 {_ELECTRON}",
            "Wanderlust/2.15.9 (Almost Unreal) SEMI/1.14.6 (Maruoka) FLIM/1.14.9",
        )
    ],
    *[
        (text, "mail client by its own words")
        for text in (
            "AquaMail/1.16.0-1081 (build: 101600003)",
            "Android/9-email",
            "Canary%20Mail/397 CFNetwork/893.13.1 Darwin/17.4.0 (x86_64)",
            "Claws Mail/3.17.5 (x86_64-pc-linux-gnu)",
            "DaumMobileApp (LG-KU5400; U; Android 2.3.7|10; ko-kr) DaumMail/1.0.8",
            "FairEmail/1.2066 (Android 13; Pixel 7)",
            "FairEmail",
            "Aqua Mail for Android",
            "org.kman.AquaMail",
            "Citrix Secure Mail",
            "DaumMail",
            "Email by Edison",
            "Mail.Ru/14",
            "NetEase Mail Master",
            "Pegasus Mail for Windows (4.81)",
            "QQMail-iPhone",
            "Tuta Mail",
            "Xiaomi Email",
            "ZohoMail",
            "Zoho Mail - Desktop/1.6",
            "Mail/3826.500.181.1.5 CFNetwork/3826.500.111.1.1 Darwin/24.4.0",
            "Mozilla/5.0 (Windows NT 10.0; rv:25.9) Gecko/20160817 FossaMail/25.2.3",
            "NylasMail/2.0.32 (Macintosh; OS X 10.12.6)",
            "Pegasus Mail/4.70",
            "PocoMail 4.8 (4320) - Licensed Version",
            "SamsungEmail/6.1.80.12",
            "SquirrelMail/1.4.23 [SVN]",
            "YahooMail/1.0 (iOS; 1.0.0; en_US)",
            "iPhone Mail (21A329)",
            "Apple Mail (2.3445.104.11)",
            "Edison%20Mail/1.21 CFNetwork/1410 Darwin/22.6.0",
            "GMX Mail 7.40",
            "de.gmx.mobile.android.mail/7.40 (Android 14; Pixel 8)",
            "com.samsung.android.email/6.1 (Android 13; CUBOT X20)",
            "com.samsung.android.email.provider/6.1.91 (Android 14; SM-S911B)",
            f"{_PHONE} {_WEBKIT} Mobile/15E148 mailapp/6.5.0",
        )
    ],
]
"""Mail clients that say their name, each with the name that ptrack gives it."""

BROWSERS = [
    f"{_PHONE} {_WEBKIT} FxiOS/155 Mobile/15E148 Version/26.4",
    "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.10.289 Version/12.02",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/6.5.27510/34.1624; U; en) Presto/2.8.119",
    # The pattern is 008/, and Opera Mini has builds that end so.
    "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/37.8625; U; en) Presto/2.12.423",
    "Mozilla/5.0 (compatible; Konqueror/4.3; Linux) KHTML/4.3.4 (like Gecko)",
    "Mozilla/5.0 (X11; Linux i686; rv:1.7.13) Gecko/20070322 Kazehakase/0.4.4.1",
    "UCWEB/2.0 (Linux; U; Adr 4.0.4; en-US; GT-S7562) U2/1.0.0 UCBrowser/9.8.0.534",
    f"{_WINDOWS} {_BLINK} Chrome/42.0.2311.135 Safari/537.36 Edge/12.246",
    f"{_CHROME} SE 2.X MetaSr 1.0",
    (
        f"{_WINDOWS} AppleWebKit/537.36 coccocbrowser/47.0 Chrome/41.0.2272.119coccoc "
        "Safari/537.36"
    ),
    (
        "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5_6; en-us) AppleWebKit/528.16 "
        "(KHTML, like Gecko) Fluid/0.9.6 Safari/528.16"
    ),
    (
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Embedded Web Browser from: "
        "http://bsalsa.com/; .NET CLR 1.0.3705)"
    ),
    f"{_PIXEL} Presearch (Tempest)",
    # Catchpoint is a monitor that drives browsers, but not as a part of a word.
    f"{_CHROME} Xcatchpoint MyCatchpoint",
    # The examples of this crawler give an address.
    f"{_CHROME} Butterfly/1.0",
    f"{_PIXEL} (Ecosia android@101.0.4951.41)",
    "Mozilla/5.0 (compatible; IBrowse 3.0; AmigaOS4.0)",
    "JUC (Linux; U; 2.3.7; zh-cn; MB200; 320*480) UCWEB7.9.3.103/139/999",
    "Lynx/2.8.9rel.1 libwww-FM/2.14",
    "Links (2.25; Linux 5.4; GNU C 9; text)",
    "ELinks/0.13.1 (textmode; Linux; 80x24-2)",
    "w3m/0.5.3+git20210102",
    "Dillo/3.0.5",
    "NCSA_Mosaic/2.0 (Windows 3.1)",
    # The crawler of that name is no part of a word.
    "Mozilla/5.0 (iPad; CPU OS 7_0 like Mac OS X) AppleWebKit/537.51 WIRED/3.2.3",
    "Panasonic-X300/1.0 Profile/MIDP-2.0",
    # Its comment names Android, and the browser is in it as well.
    (
        "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; "
        "rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) like Gecko"
    ),
    "Mozilla/5.0 (Windows NT 10.0; rv:6.6) Goanna/20240101 PaleMoon/33.0",
    f"{_LINUX.replace('X11', 'Linux')} LibWeb+LibJS/1.0 Ladybird/1.0",
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 4.0; 3COM U.S. Robotics)",
    f"{_WINDOWS} {_BLINK} Chrome/120.0.0.0 Safari/537.36 Camouflage/1.0",
    # Google's proxy for people with a slow connection.
    (
        "Mozilla/5.0 (Linux; Android 4.2.1; en-us; Nexus 5 Build/JOP40D) "
        "AppleWebKit/535.19 (KHTML, like Gecko; googleweblight) Chrome/38.0.1025.166 "
        "Mobile Safari/535.19"
    ),
]
"""Browsers that people use, and a few that they used."""

IN_APPS = [
    f"{_PIXEL} Viber/12.0.0.4",
    f"{_MAC} {_BLINK} QtWebEngine/5.6.0 Chrome/45.0.2454.101 Safari/537.36 Viber",
    f"{_PIXEL} MetaIAB Facebook",
    f"{_PIXEL} [FB_IAB/FB4A;FBAV/445.0.0.34.118;]",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 [FBAN/FBIOS;FBAV/445.0.0.34.118;FBRV/1]",
    f"{_PIXEL} [FBAN/FB4A;FBAV/465.0;FBCR/Scancom;FBMF/CUBOT;FBDV/M bot 60;FBSV/10;]",
    f"{_PIXEL} [FB_IAB/FB4A;FBAV/465.0;FBDV/Spider 8]",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 Instagram 316.0.0.29.109 (iPhone14,5)",
    f'{_PHONE} {_WEBKIT} Version/17.0 Mobile/15E148 ntvAgof (agof={{"angebot":"app"}})',
    f"{_PIXEL} Instagram 94.0.0.22.116 Android (22/5.1; CUBOT; S550 Pro; ru_RU)",
    f"{_PIXEL} [Pinterest/Android]",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 [LinkedInApp]/9.29.4838",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 Twitter for iPhone/10.27",
    f"{_PIXEL} KAKAOTALK 10.5.6",
    f"{_PIXEL} MicroMessenger/8.0.44.2502(0x28002C51) NetType/WIFI",
    f"{_PIXEL} Snapchat/12.73.0.37 (Pixel 8; Android 14)",
    f"{_PIXEL} Blackboard/3.6.1",
    f"{_PIXEL} CamScanner/6.27.0.2210170000",
    f"{_PIXEL} csh-store-checkout",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 Skyscanner/7.1",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 QRScanner/3.1",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 Check24/2023.9",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 iRobot/5.1",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 BabyMonitor/3",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 AdobeScan/6.1",
    f"{_PIXEL} DocumentScanner/2.1",
    f"{_WINDOWS} {_BLINK} discord/0.0.277 {_ELECTRON}",
    f"{_WINDOWS} {_BLINK} Teams/1.6.00.26474 {_ELECTRON}",
    f"{_PIXEL} Telegram-Android/10.0.5 (Samsung SM-G991B; Android 12; SDK 31; HIGH)",
    f"{_PHONE} {_WEBKIT} Mobile/15E148 Safari Line/13.14.0",
    "waipu/2023.25.0-40b5976d4b (Phone; CUBOT; NOTE 7; Android 10) AppleWebKit/537",
    f"{_PIXEL} Instagram 316.0 Android (24/7.0; 320dpi; HUAWEI; M bot 54; en_US)",
    f"{_PIXEL} SogouMSE,SogouMobileBrowser/5.28.7",
    f"{_PHONE} {_WEBKIT} Mobile/12H321 SogouMobileBrowser/4.0.4",
    f"{_WINDOWS} {_BLINK} Notion/2.0.8 {_ELECTRON}",
    f"{_WINDOWS} {_BLINK} Slack/4.4.2 {_ELECTRON} Sonic Slack_SSB/4.4.2",
    f"{_WINDOWS} {_BLINK} WhatsApp/2.2017.6 {_ELECTRON}",
    f"{_WINDOWS} {_BLINK} Code/1.115.0 {_ELECTRON}",
    f"{_WINDOWS} {_BLINK} Trae/1.107.1 {_ELECTRON}",
]
"""Browsers in apps, some with a name that a crawler has too."""

DEVICES = [
    *[
        _ANDROID.format(device)
        for device in (
            "ViewSonic V500 Build/KVT49L",
            "Cherry Sonic  Build/GRK39F",
            "HTC Butterfly s Build/JDQ39",
            "HTCButterflys901s Build/KOT49H",
            "Fever_Plus_J",
            "TS1008 Build/LMY47D",
            "Expanse",
            "CUBOT NOTE 7 Build/CUBOT",
            "M bot 54 Build/NRD90M",
            "VR BOT 552 PLUS",
            "XBot Junior",
            "POWER BOT Build/MRA58K",
            "Spider 8",
            "PKC110 Build/AP3A.240617.008",
            "M40SE(M5T3) Bot Build/QP1A.190711.020",
        )
    ],
    (
        "Mozilla/5.0 (Linux; Tizen 2.3; Samsung Smart Monitor M7) AppleWebKit/538.1 "
        "(KHTML, like Gecko) Version/2.3 TV Safari/538.1"
    ),
    (
        "DESAY TS1008/1.0 Release/07.12.2013 Mozilla/5.0 (Linux; U; Android 4.0.3; "
        "zh-cn) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30"
    ),
    (
        "sprd-L008/1.0 Linux/2.6.35.7 Android/2.3.5 Release/09.10.2012 "
        "Browser/AppleWebKit533.1 (KHTML, like Gecko) Mozilla/5.0 Mobile"
    ),
]
"""Browsers on devices whose name is a crawler's, or has a word that a bot says."""

IMAGE_PROXIES = [
    ("RamblerMail/6.0 (incompatible; ImageProxy/6.0)", "Rambler Mail"),
    (
        "Mozilla/5.0 (compatible; YandexImageResizer/2.0; +http://yandex.com/bots)",
        "Yandex Mail",
    ),
    ("github-camo (d76dea84)", "Camo"),
    ("Camo Asset Proxy 2.3.0", "Camo"),
    ("go-camo (2.4.7)", "Camo"),
    ("camo-rs/1.2", "Camo"),
    ("example-image-proxy/2", "another image proxy"),
    ("Example_Mail_Proxy", "another image proxy"),
    ("ExampleMailProxy/1.0", "another image proxy"),
]
"""Proxies of which nobody says whether they fetch when a mail is opened."""

BOTS = [
    *[
        (text, "bot by its own words")
        for text in (
            "ExampleBot",
            "some-crawler/1.0",
            "WebSpider 3",
            "Site Monitor",
            "link-checker 2.1",
            "Example Fetcher",
            "Vulnerability scan by Example",
            "example-scanner",
            "Google-Example/1.0",
            "Example-Google/1.0",
            "Mozilla/5.0 (Android 3.0; ExampleSpider; +http://example.com/)",
            (
                "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3.170816.012; "
                f"Example-Google/1.0) {_VIEW}"
            ),
            (
                f"{_LINUX} AppleWebKit/537.36 (KHTML, like Gecko; GoogleExample) "
                "Chrome/102.0.5005.61 Mobile Safari/537.36"
            ),
            f"{_WINDOWS} {_BLINK} HeadlessEdg/127.0 Chrome/127.0 Safari/537.36",
            (
                f"{_MAC} AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
                "Example/1.0) Chrome/119.0.6045.214 Safari/537.36"
            ),
            (
                "Mozilla/5.0 (Linux; Android 4.0; compatible; Example-Monitor) "
                f"{_BLINK} Chrome/96.0.4664.110 Mobile Safari/537.36"
            ),
            f"{_CHROME} ExampleMonitor",
            f"{_CHROME} (compatible; Example)",
            f"{_CHROME} example-scanner/1.0",
            f"{_CHROME} LinkPreview/1.0",
            f"{_CHROME} Google Page Speed Insights",
            f"{_PHONE} {_WEBKIT} Version/6.0 Mobile/10A5376e mixed-content-scan",
            f"{_PIXEL} (compatible; ExampleScanner/1.0)",
            f"{_THUNDERBIRD} Firefox/102.0 (compatible; Example/1.0)",
            "Example Robot",
            f"{_THUNDERBIRD} Thunderbird/1.0.6 - WebCrawler",
        )
    ],
    *[
        (text, "bot that gives an address")
        for text in (
            f"{_CHROME} (http://example.com/)",
            f"{_CHROME} (+https://example.com/)",
            f"{_CHROME} (somebody@example.com)",
            f"{_CHROME}; Example/1.0; +example.com",
            f"{_CHROME} (+www.example.com/info)",
            "Example/1.0 +example.com",
            "Example/1.0 (http://example.com)",
        )
    ],
    *[
        (text, "HTTP library")
        for text in (
            "Bun/1.0",
            "Deno/1.37",
            "Faraday v2.7.10",
            "GuzzleHttp/7",
            "Jakarta Commons-HttpClient/3.1",
            "Java-http-client/17.0.11",
            "ESP32 HTTP Client/1.0",
            f"{_WINDOWS[:-1]}; en-US) WindowsPowerShell/5.1.22621.3672",
            "Mozilla/5.0 (Linux; Ubuntu 24.04; en-US) PowerShell/7.4.3",
            "Java/17.0.8",
            "Java1.6.0_20",
            "LWP::Simple/6",
            "python/2.7 httplib2",
            "lwp-request/6",
            "node",
            "node-superagent/8",
            "PHP/8.1",
            "PostmanRuntime/7.32.3",
            "reqwest/0.11",
            "RestSharp/106",
            "Ruby",
            "undici",
        )
    ],
    ("Mozilla/5.0 (compatible; Example/1.0)", "bot in the form of one"),
    ("Mozilla/5.0 (compatible; example.org)", "bot in the form of one"),
]
"""Machines that say so, of no name in the data set."""

CRAWLERS_AS_BROWSERS = [
    (f"{_CHROME} Catchpoint", "Catchpoint"),
    (f"{_LINUX} {_BLINK} HeadlessChrome/113.0.5672.63 Safari/537.36", "HeadlessChrome"),
    (_ANDROID.format("HTC One X Build/IML74K; Catchpoint"), "Catchpoint"),
    (f"{_CHROME} GTmetrix", "GTmetrix"),
    (_ANDROID.format("Galaxy Build/1; GTmetrix https://gtmetrix.com/"), "GTmetrix"),
    (f"{_CHROME} (compatible; GoogleOther)", "GoogleOther"),
    (
        (
            "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3.170816.012; "
            f"Storebot-Google/1.0) {_VIEW}"
        ),
        "Storebot-Google",
    ),
    (f"{_CHROME} Playwright/1.40.0", "Playwright"),
    (
        "Mozilla/5.0 (compatible; Butterfly/1.0; +http://labs.topsy.com/butterfly/)",
        "Butterfly",
    ),
    ("Fever/1.38 (Feed Parser; http://feedafever.com; Allow like Gecko)", "Fever"),
    # It has a browser's user agent, of which the data set knows nothing, but says so.
    (f"{_CHROME} Fever/1.38 (http://feedafever.com)", "Fever"),
    ("Viber", "Viber"),
    ("Notion/1.0 (https://notion.so; team@makenotion.com)", "Notion"),
    ("008/0.83 (http://www.advancedwebranking.com)", "008"),
]
"""Entries of the data set that count, with the names in it."""
