"""A client as a Python team would write it, from code that grpcio-tools generates of Keelson's contracts."""

import os

import grpc
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from health.v1 import health_pb2, health_pb2_grpc
from keelson.documents.v1 import document_service_pb2 as documents
from keelson.documents.v1 import document_service_pb2_grpc as documents_grpc

PARENT = "collections/polyglot"
IMPORTED = "collections/polyglot-python"
HOSTILE = ["a % b %25", "caf\u00e9 \U0001f600", "line\nbreak\ttab", "nul\x00byte", "\u00e9" * 300]
TIMEOUT = 30


def main():
    channel = grpc.insecure_channel(os.environ["POLYGLOT_ADDRESS"])
    token = [("authorization", "Bearer " + os.environ["POLYGLOT_TOKEN"])]
    client = documents_grpc.DocumentServiceStub(channel)
    health = health_pb2_grpc.HealthStub(channel)
    unary(client, token)
    failures(client, token)
    texts(health)
    transfer(client, token)
    streams(health)
    both_ways(reflection_pb2_grpc.ServerReflectionStub(channel))
    print("python client: all is well")


def unary(client, token):
    request = documents.CreateDocumentRequest(parent=PARENT, document_id="python")
    request.document.fields.update({"text": "h\u00e9llo \U0001f600", "n": 1.5})
    created = client.CreateDocument(request, metadata=token, timeout=TIMEOUT)
    read = client.GetDocument(documents.GetDocumentRequest(name=created.name), metadata=token, timeout=TIMEOUT)
    want("what was written", read.fields["text"], "h\u00e9llo \U0001f600")
    query = documents.ListDocumentsRequest(parent=PARENT, filter="fields.n > 1")
    listed = client.ListDocuments(query, metadata=token, timeout=TIMEOUT)
    want("whether any is found", len(listed.documents) > 0, True)


def failures(client, token):
    def get(name, metadata=token):
        request = documents.GetDocumentRequest(name=name)
        return failure(lambda: client.GetDocument(request, metadata=metadata, timeout=TIMEOUT))

    missing = get(PARENT + "/documents/missing")
    want("code of a missing document", missing.code(), grpc.StatusCode.NOT_FOUND)
    want("its reason", detail(missing, error_details_pb2.ErrorInfo).reason, "RESOURCE_NOT_FOUND")
    bad = get("nonsense")
    want("code of a bad name", bad.code(), grpc.StatusCode.INVALID_ARGUMENT)
    want("its field", detail(bad, error_details_pb2.BadRequest).field_violations[0].field, "name")
    want("code without a token", get("a", metadata=None).code(), grpc.StatusCode.UNAUTHENTICATED)


def texts(health):
    """What no header can hold comes back in an error as it was sent."""
    for text in HOSTILE:
        request = health_pb2.HealthCheckRequest(service=text)
        error = failure(lambda: health.Check(request, timeout=TIMEOUT))
        want("code for a hostile text", error.code(), grpc.StatusCode.NOT_FOUND)
        want("hostile text in the message", text in error.details(), True)
        want("hostile text in the status", text in rpc_status.from_call(error).message, True)


def transfer(client, token):
    """A client stream, and a server stream of what it sent."""
    items = [documents.DocumentItem(document_id=id, json="{}") for id in ("one", "two", "three")]
    requests = (documents.ImportDocumentsRequest(parent=IMPORTED, items=[item]) for item in items)
    want("what was imported", client.ImportDocuments(requests, metadata=token, timeout=TIMEOUT).imported_count, 3)
    query = documents.QueryDocumentsRequest(parent=IMPORTED)
    parts = client.QueryDocuments(query, metadata=token, timeout=TIMEOUT)
    want("what is queried", sum(len(part.documents) for part in parts), 3)


def streams(health):
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
    want("health", next(watch).status, health_pb2.HealthCheckResponse.SERVING)
    watch.cancel()
    error = failure(lambda: next(watch))
    want("code after a cancel", error.code(), grpc.StatusCode.CANCELLED)

    late = failure(lambda: list(health.Watch(health_pb2.HealthCheckRequest(), timeout=0.5)))
    want("code after the deadline", late.code(), grpc.StatusCode.DEADLINE_EXCEEDED)


def both_ways(reflection):
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")] * 3
    answers = list(reflection.ServerReflectionInfo(iter(asked), timeout=TIMEOUT))
    want("answers", len(answers), len(asked))
    want("whether services are listed", len(answers[0].list_services_response.service) > 1, True)


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("a call that was expected to fail went well")


def detail(error, message_type):
    for found in rpc_status.from_call(error).details:
        if found.Is(message_type.DESCRIPTOR):
            message = message_type()
            found.Unpack(message)
            return message
    raise AssertionError(f"no {message_type.DESCRIPTOR.full_name} in the details of {error}")


def want(what, got, expected):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


main()
