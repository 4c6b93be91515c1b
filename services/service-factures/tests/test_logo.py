"""Logos of sociétés (R32)."""

import io

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from grpc import StatusCode
from pypdf import PdfReader
from service_factures.documents.logos import LARGEST
from service_testing import code_of, refused
from tests.documents.sample_logos import LOGOS
from tests.facturation import SAVED, Invoices, save
from tests.people import People


async def test_R32_a_logo_is_printed(
    reglages: FactureSettingsServiceStub, made: Invoices, people: People, factures: InvoiceServiceStub
) -> None:
    """The last one that was sent; settings that are saved later keep it."""
    await reglages.Save(save(**SAVED))
    for logo, mime_type in (LOGOS["alpha"], LOGOS["CMYK"]):
        settings = await reglages.UploadLogo(pb.UploadLogoRequest(logo=logo, mime_type=mime_type))
        assert settings.logo_mime == mime_type
    assert (await reglages.Save(save(rcs="Paris"))).logo_mime == "image/jpeg"
    facture = await made.issued(client_id=await people.person())
    pdf = (await factures.Download(pb.DownloadFactureRequest(id=facture.id))).content
    (image,) = PdfReader(io.BytesIO(pdf)).pages[0].images
    assert image.image is not None
    assert image.image.mode == "RGB"


@pytest.mark.parametrize(
    ("logo", "mime_type", "reason"),
    [
        (b"GIF89a", "image/png", "LOGO_INVALIDE"),
        (LOGOS["RGB"][0], "image/gif", "LOGO_INVALIDE"),
        (bytes(LARGEST + 1), "image/png", "LOGO_INVALIDE"),
        (LOGOS["RGB"][0], "", "CHAMP_REQUIS"),
    ],
)
async def test_R32_what_is_no_logo_is_refused(
    reglages: FactureSettingsServiceStub, logo: bytes, mime_type: str, reason: str
) -> None:
    """An image of another kind, one that is too large, one that is none."""
    await reglages.Save(save(**SAVED))
    request = pb.UploadLogoRequest(logo=logo, mime_type=mime_type)
    assert await refused(reglages.UploadLogo(request)) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R32_a_logo_needs_settings(reglages: FactureSettingsServiceStub) -> None:
    """They say whose it is."""
    logo, mime_type = LOGOS["RGB"]
    request = pb.UploadLogoRequest(societe_id="autre", logo=logo, mime_type=mime_type)
    assert await code_of(reglages.UploadLogo(request)) == StatusCode.NOT_FOUND
