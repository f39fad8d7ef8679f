import { vaultDamaged } from '../../../platform/vaults/index.ts';

/**
 * Reads JSON that the vault holds. Where it is none any more, the file was changed behind SQLite, which does not notice a
 * single byte. The parser's own words stay unsaid: they quote the text.
 */
export function readStored<T>(text: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw vaultDamaged('What it holds of an item cannot be read any more. Restore it from a backup.');
  }
}
