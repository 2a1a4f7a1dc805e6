// Programs by their plain name, as a shell finds them. Finding one says nothing about what it does: that is tried.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** An absolute path for a plain name, and /usr/bin's where PATH has none; what has a slash is left as it is. */
export function findOnPath(name: string): string {
  if (name.includes("/")) return name;
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder.startsWith("/"));
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? join("/usr/bin", name);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us
  }
}
