// What is announced on the bus: protobuf that nats.js receives and protobuf-es reads.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { Events } from "./bus";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { ClientCreatedEventSchema } from "./generated/crm/events/business_pb";
import { bearerOf, client, newOrganisation } from "./mesh";
import { reasonOf } from "./refusals";

const SUBJECT = "crm.events.client.created";

test("a new client is announced, under the correlation id of the call", async () => {
  const organisationId = newOrganisation();
  const clients = client(ClientBaseService, await bearerOf(organisationId));
  await using events = await Events.listening(SUBJECT, ClientCreatedEventSchema);
  const person = { nom: "Lefèvre", prenom: "Zoé", email: "zoe@exemple.fr" };
  const { id, createdAt } = await clients.create(person, { headers: { "x-correlation-id": "front-4711" } });
  const [received] = await events.first(1, (event) => event.clientId === id);
  const { event, message } = received!;
  expect(event).toMatchObject({ organisationId, correlationId: "front-4711", ...person });
  expect(timestampMs(event.createdAt!)).toBe(timestampMs(createdAt!));
  expect(message.headers?.get("Nats-Msg-Id")).toBe(event.eventId);
});

test("what was refused is not announced", async () => {
  const organisationId = newOrganisation();
  const clients = client(ClientBaseService, await bearerOf(organisationId));
  await using events = await Events.listening(SUBJECT, ClientCreatedEventSchema);
  expect(await reasonOf(clients.create({ prenom: "Zoé" }))).toBe("InvalidArgument CHAMP_REQUIS");
  const { id } = await clients.create({ nom: "Lefèvre" });
  const [first] = await events.first(1, (event) => event.organisationId === organisationId);
  expect(first!.event.clientId).toBe(id);
});
