// Files, which are sent and read in blocks.

import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { createHash, randomUUID } from "node:crypto";
import {
  PieceJointeService,
  type UploadPieceJointeRequest,
  UploadPieceJointeRequestSchema,
} from "./generated/crm/documents/documents_pb";
import { bearerOf, client, newOrganisation } from "./mesh";
import { reasonOf, refusal } from "./refusals";

const BLOCK = 64 * 1024;
const CONTENT = Buffer.from("Les conditions générales de vente.\n".repeat(60_000)); // 2 MB
const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
const somebody = async () => client(PieceJointeService, await bearerOf(newOrganisation()));

/** A file of one entity, in blocks; `sha` is what the sender says of it. */
async function* blocks(entiteId: string, sha = sha256(CONTENT)): AsyncGenerator<UploadPieceJointeRequest> {
  const about = { nomFichier: "conditions.txt", entiteType: "CLIENT", entiteId, sha256: sha };
  yield create(UploadPieceJointeRequestSchema, about);
  for (let at = 0; at < CONTENT.length; at += BLOCK)
    yield create(UploadPieceJointeRequestSchema, { bloc: CONTENT.subarray(at, at + BLOCK) });
}

/** The sender of a file who leaves in the middle. */
async function* halfOf(entiteId: string): AsyncGenerator<UploadPieceJointeRequest> {
  let sent = 0;
  for await (const block of blocks(entiteId)) {
    if (sent++ === 10) throw new Error("the tab was closed");
    yield block;
  }
}

/** The sender of a file who stops after its description. */
async function* thenNothing(entiteId: string): AsyncGenerator<UploadPieceJointeRequest> {
  const { value } = await blocks(entiteId).next();
  yield value;
  await new Promise(() => {});
}

/** What `parts` bring: the name of the file, and its content. */
async function read(parts: ReturnType<Awaited<ReturnType<typeof somebody>>["download"]>): Promise<[string, Buffer]> {
  const [names, content]: [string[], Uint8Array[]] = [[], []];
  for await (const { partie } of parts) {
    if (partie.case === "piece") names.push(partie.value.nomFichier);
    if (partie.case === "bloc") content.push(partie.value);
  }
  return [names.join(), Buffer.concat(content)];
}

test("a file that was uploaded in blocks is downloaded as it was", async () => {
  const documents = await somebody();
  const piece = await documents.upload(blocks(randomUUID()));
  expect(piece).toMatchObject({ typeMime: "text/plain", taille: BigInt(CONTENT.length), sha256: sha256(CONTENT) });
  const [name, content] = await read(documents.download({ id: piece.id }));
  expect([name, sha256(content)]).toEqual(["conditions.txt", sha256(CONTENT)]);
});

test("a part of a file can be downloaded", async () => {
  const documents = await somebody();
  const { id } = await documents.upload(blocks(randomUUID()));
  const [, content] = await read(documents.download({ id, debut: 70_000n, longueur: 100_000n }));
  expect(content.equals(CONTENT.subarray(70_000, 170_000))).toBe(true);
});

test("a download may be left in the middle", async () => {
  const documents = await somebody();
  const { id } = await documents.upload(blocks(randomUUID()));
  for await (const { partie } of documents.download({ id })) if (partie.case === "bloc") break;
  expect((await documents.get({ id })).id).toBe(id);
});

test("a file that is not what its sender says is refused, and nothing is kept", async () => {
  const [documents, entiteId] = [await somebody(), randomUUID()];
  const wrong = documents.upload(blocks(entiteId, sha256(Buffer.from("autre"))));
  expect(await reasonOf(wrong)).toBe("DataLoss EMPREINTE_DIFFERENTE");
  expect((await documents.listByEntite({ entiteType: "CLIENT", entiteId })).pieces).toEqual([]);
});

// connect-node 2.3 ends such a request before it resets it, so that a half may look like a whole: it is the
// SHA-256 at its beginning that gives it away.
test("an upload that breaks off leaves nothing", async () => {
  const [documents, entiteId] = [await somebody(), randomUUID()];
  await expect(documents.upload(halfOf(entiteId))).rejects.toThrow("the tab was closed");
  const { id } = await documents.upload(blocks(entiteId));
  const { pieces } = await documents.listByEntite({ entiteType: "CLIENT", entiteId });
  expect(pieces.map((piece) => piece.id)).toEqual([id]);
});

test("an upload that stands still ends when its sender does not want to wait longer", async () => {
  const [documents, entiteId] = [await somebody(), randomUUID()];
  const still = documents.upload(thenNothing(entiteId), { timeoutMs: 200 });
  expect(Code[(await refusal(still)).code]).toBe("DeadlineExceeded");
  expect((await documents.listByEntite({ entiteType: "CLIENT", entiteId })).pieces).toEqual([]);
});

test("a file that nobody has uploaded is not found", async () => {
  expect(await reasonOf(read((await somebody()).download({ id: randomUUID() })))).toBe("NotFound INTROUVABLE");
});
