"""XMP packets without what they say of a video or gain map in their file; all else stays byte for byte."""

import time

import numpy as np
import pytest
from PIL import Image

from colorizer.photos.files.reading import read_photo
from colorizer.photos.metadata.xmp_parts import notes_on_parts, without_parts
from tests.photos.conftest import encode

PACKET = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"
 xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 xmlns:gain='http://ns.adobe.com/hdr-gain-map/1.0/' xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" %s
 dc:format="image/jpeg"><dc:title>MotionPhoto="1" of <b/> Container:Directory</dc:title>%s</rdf:Description>
</rdf:RDF></x:xmpmeta>      <?xpacket end="w"?>"""
ATTRIBUTES = (
    b'GCamera:MotionPhoto="1"',
    b"GCamera:MotionPhotoPresentationTimestampUs = '12'",
    b'GCamera:MicroVideoOffset="99"',
    b'gain:Version="1.0"',
)
ELEMENTS = (
    b"<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Mime='video/mp4'/></rdf:li></rdf:Seq>"
    b"</Container:Directory>",
    b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto>",
    b"<gain:GainMapMax><rdf:Seq><rdf:li>2.1</rdf:li></rdf:Seq></gain:GainMapMax>",
    b"<HDRGainMap:HDRGainMapVersion>65536</HDRGainMap:HDRGainMapVersion>",
    b"<gain:Version/>",
)


def test_a_photo_promises_no_video_and_no_gain_map():
    other = b'GCamera:HdrPlusMakernote="HDRP" Item:Length="3"', b"<GCamera:Motion>a</GCamera:Motion>"
    packet = PACKET % (b" ".join((*ATTRIBUTES, other[0])), b"".join((*ELEMENTS, other[1])))
    expected = PACKET % (b" " * len(ATTRIBUTES) + other[0], other[1])
    assert without_parts(packet) == expected
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    photo = read_photo(encode(image, "JPEG", xmp=packet))
    assert photo.metadata.xmp == expected
    assert [note for note in photo.notes if "left out" in note] == list(notes_on_parts(packet))
    assert not notes_on_parts(expected)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (b'gain:Version="1.0"', "gain map"),
        (b'HDRGainMap:HDRGainMapVersion="65536"', "gain map"),
        (b'GCamera:MotionPhoto="1"', "video"),
        (b"GCamera:MicroVideo='1'", "video"),
        (b'GCamera:MotionPhoto="0" gain:Max="1"', None),
    ],
)
def test_what_is_left_out_is_noted(part, words):
    notes = notes_on_parts(PACKET % (part, b""))
    assert [words in note for note in notes] == ([True] if words else [])


@pytest.mark.parametrize("packet", [PACKET % (b"", b""), b"<x/>", PACKET % (b"", b"<gain:Max>1"), b"\xff\xfe<\0x\0"])
def test_others_stay(packet):
    assert without_parts(packet) == packet


@pytest.mark.parametrize("part", [b"<gain:A", b"<gain:A>", b" gain:A='", b" ", b"xmlns:a='", b'xmlns:gain="'])
def test_a_large_broken_packet_takes_little_time(part):
    start = time.process_time()
    without_parts(PACKET % (b"", part * (2**23 // len(part))))
    assert time.process_time() - start < 20


def test_very_many_prefixes_are_not_searched_for():
    names = b"".join(b' xmlns:p%d="http://ns.google.com/photos/1.0/camera/"' % number for number in range(30_000))
    start = time.process_time()
    with pytest.raises(ValueError, match="too many prefixes"):
        without_parts(PACKET % (names, b""))
    assert time.process_time() - start < 20
    others = names.replace(b"google", b"others")
    assert without_parts(PACKET % (others, b"")) == PACKET % (others, b"")
