export { prepareDataFolder, refuseLostControl } from './data-folder.ts';
export { DataFolderError } from './errors.ts';
export { type DataFolderLock, findHolderAddress, lockDataFolder } from './lock.ts';
