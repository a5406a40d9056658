/** The environment's variables by name. */
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Where tunings are stored: the file that REKINDLE_TUNINGS names, else tunings.json in the folder
 * in which the platform keeps an application's data. Undefined where REKINDLE_TUNINGS is "off", and
 * where the environment names no such folder.
 *
 * @example
 * placeOfTunings("linux", { HOME: "/people/ada" });
 * // "/people/ada/.local/share/rekindle/tunings.json"
 */
export function placeOfTunings(platform: string, env: Variables): string | undefined {
  if (env.REKINDLE_TUNINGS) {
    return env.REKINDLE_TUNINGS === "off" ? undefined : env.REKINDLE_TUNINGS;
  }
  const folder = dataFolder(platform, env);
  const separator = platform === "win32" ? "\\" : "/";
  return folder && [folder, "rekindle", "tunings.json"].join(separator);
}

function dataFolder(platform: string, env: Variables): string | undefined {
  const { LOCALAPPDATA, HOME, XDG_DATA_HOME } = env;
  if (platform === "win32") return LOCALAPPDATA || undefined;
  if (platform === "darwin") return HOME ? `${HOME}/Library/Application Support` : undefined;
  // The specification tells to ignore relative paths,
  // https://specifications.freedesktop.org/basedir-spec/latest/.
  if (XDG_DATA_HOME?.startsWith("/")) return XDG_DATA_HOME;
  return HOME ? `${HOME}/.local/share` : undefined;
}
