"""Weaviate and Triton behind TLS: who has the authority's certificate is answered, others are told what to set."""

import dataclasses
from urllib.parse import urlsplit

import grpc
import pytest
from weaviate.proto.v1 import search_get_pb2

from agents.errors import Transient
from connectors.triton import Triton
from connectors.weaviate.connecting import IndexClient
from connectors.weaviate.failures import translated
from schemas import Embed
from streams.running.world import Call
from streams.settings import BadSetting, Settings
from tests.certificates import Authority
from tests.tls_proxy import behind_tls

CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="t", offset=0)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@translated
async def answers(settings):
    """Whether Weaviate answers both ways, by gRPC that it knows no such collection."""
    client = IndexClient(settings)
    try:
        await client.connect()
        assert await client.is_ready()
        await client.search(search_get_pb2.SearchRequest(collection="Nowhere", limit=1))
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNKNOWN
    finally:
        await client.close()


@pytest.mark.stack
async def test_weaviate_behind_tls(running, authority, tmp_path):
    own = authority.issue("weaviate")
    rest = urlsplit(running.settings.weaviate_http).netloc
    with (
        behind_tls(rest, own) as http,
        behind_tls(running.settings.weaviate_grpc, own, protocols=("h2",)) as grpc,
    ):
        settings = dataclasses.replace(
            running.settings,
            weaviate_http=f"https://{http}",
            weaviate_grpc=grpc,
            weaviate_ca=str(authority.file),
        )
        assert await answers(settings)
        stranger = str(Authority(tmp_path, "stranger").file)
        with pytest.raises(Transient, match=r"signed the certificate.* see PLAYHEAD_WEAVIATE_CA"):
            await answers(dataclasses.replace(settings, weaviate_ca=stranger))
        mixed = dataclasses.replace(settings, weaviate_grpc=running.settings.weaviate_grpc)
        with pytest.raises(Transient, match="does not speak TLS: see PLAYHEAD_WEAVIATE_HTTP"):
            await answers(mixed)


@pytest.mark.stack
async def test_triton_behind_tls(running, authority, tmp_path):
    own, client = authority.issue("triton"), authority.issue("client")
    with behind_tls(
        running.settings.triton_grpc, own, clients_of=authority.file, protocols=("h2",)
    ) as at:
        settings = dataclasses.replace(
            running.settings,
            triton_grpc=at,
            triton_security="tls",
            triton_ca=str(authority.file),
            triton_certificate=str(client.certificate),
            triton_private_key=str(client.private_key),
        )
        models = Triton(settings)
        answer = await models.embed(Embed(texts=("a crane",), kind="query"), CALL)
        await models.close()
        assert answer.dimensions > 0
        stranger = str(Authority(tmp_path, "stranger").file)
        plain = dataclasses.replace(settings, triton_grpc=running.settings.triton_grpc)
        for wrong, said in [
            (dataclasses.replace(settings, triton_ca=stranger), "see PLAYHEAD_TRITON_CA"),
            (plain, "does not speak TLS: see PLAYHEAD_TRITON_SECURITY"),
        ]:
            models = Triton(wrong)
            with pytest.raises(Transient, match=said):
                await models.embed(Embed(texts=("a crane",), kind="query"), CALL)
            await models.close()


def test_files_that_can_not_be_used_are_told_before_anybody_is_asked():
    with pytest.raises(BadSetting, match="PLAYHEAD_TRITON_CA: /nowhere"):
        Triton(Settings(triton_security="tls", triton_ca="/nowhere"))
    with pytest.raises(BadSetting, match="PLAYHEAD_WEAVIATE_CA: /nowhere"):
        IndexClient(Settings(weaviate_http="https://weaviate:8080", weaviate_ca="/nowhere"))
