export { prepareDataFolder, refuseLostControl } from './data-folder.ts';
export { DataFolderError } from './errors.ts';
export { lockDataFolder } from './lock.ts';
