"""Words for command lines: numbers, paths and names that nobody expects, and some that are right."""

SECRET = "hunter2"
# A value that costs what it says, such as --resolution 4096, is the user's to choose: none of these asks for much.
# fmt: off
NUMBERS = (
    "0", "1", "2", "3", "16", "48", "-1", "1.5", "1e9", "1e400", "nan", "-inf", "1_000", "٣", "0x10", "", " 2",
    "9" * 20, "9" * 5000, "2147483649", "9223372036854775808", "-0", "0.5", "0.38", "+1", "1e-320", "None", "True",
    "[]", "100001",
)
PATHS = (
    "album", "album/face.png", "film.mp4", "small", "photos", "photos/test", "measured", "empty", "text.txt",
    "broken.png", "out", "new/deep/out", ".", "./out/", "pipe", "link", "missing.png", "*.png", "album/*", "[", "**",
    "{}", "~nobody/x", "locked/x.png", "album/face.png/x", "x" * 300, "日" * 90 + ".png", "😀" * 70, "a/" * 3000,
    "new\nline.png", "-", "--", " ", "\udcff.png", "%00.png", "CON.png", "sheet.tif", "sheet.PNG", "a.webm", "a.mkv",
    ".mp4", "s.jpeg", "film.mp4/", "\x1b[31m", "http://[", f"https://ada:{SECRET}@127.0.0.1:9/a.png?token={SECRET}",
    "http://127.0.0.1:9/%00.png", "http://", "ftp://x/y.png",
)
NAMES = (
    "small", "bins", "default", "user/name", "user/name@x", "a/b/c", "../small", "small/", "x" * 5000, "café",
    "colorful", "cpu", "meta", "hpu", "cuda", "cuda:99", "cpu:3", "mps", "xla", "privateuseone", "temperature=0.4",
    "temperature=", "=", "x=y", "a=b=c", "scene=church", "temperature=nan", "png", "test", "train", "label",
    "1,2,#336699", "99,99,#000000", "1,2,blue", "3,4,#12345", "{0}",
)
# fmt: on
