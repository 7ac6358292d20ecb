// Writes the Kubernetes manifests that are its arguments as TypeScript on its output,
// each as an object literal of the type that its apiVersion and kind name. The compiler
// then says what is not there, not known, or of another type: a misspelt field too,
// which a server would drop with a warning at best.
import { readFileSync } from "node:fs";
import yaml from "js-yaml";

process.argv.slice(2).flatMap((file) => {
  const all = yaml.loadAll(readFileSync(file, "utf8"));
  if (all.length === 0 || all.some((one) => typeof one?.apiVersion !== "string" || typeof one.kind !== "string")) {
    throw new Error(`${file} holds a document without an apiVersion or a kind`);
  }
  return all.map((one) => ({ file, one }));
}).forEach(({ file, one }, i) => {
  console.log(`// ${file}: ${one.kind} ${one.metadata?.name}
import type { I${one.kind} as T${i} } from "kubernetes-models/${one.apiVersion}";
export const object${i}: T${i} = ${JSON.stringify(one, null, 2)};`);
});
