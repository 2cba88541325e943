// A real small file system for tests of a full disk: ext4 in a file, mounted. Needs root on Linux.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const chunkBytes = 1024 * 1024;

export class SmallDisk {
  /** Where it is mounted. */
  readonly directory: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.directory = join(folder, 'mounted');
  }

  /** Throws with what to do where this process may not mount. */
  static async mount(megabytes: number): Promise<SmallDisk> {
    const disk = new SmallDisk(await mkdtemp(join(tmpdir(), 'parley-disk-')));
    const image = join(disk.#folder, 'image');
    try {
      await mkdir(disk.directory);
      const file = await open(image, 'w');
      await file.truncate(megabytes * 1024 * 1024);
      await file.close();
      // Debian keeps it where an ordinary PATH does not look.
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', image], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
      await run('mount', ['-o', 'loop', image, disk.directory]);
      return disk;
    } catch (cause) {
      await rm(disk.#folder, { recursive: true, force: true });
      throw new Error(
        'This needs a file system of its own to fill: run it as root on Linux with loop devices (in a container: --privileged), with mkfs.ext4 (apt-get install e2fsprogs) and mount.',
        { cause },
      );
    }
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
  }

  /** Takes room until only about `leaveBytes` are left. */
  async fill(leaveBytes: number): Promise<void> {
    const file = await open(join(this.directory, 'ballast'), 'a');
    try {
      while ((await this.freeBytes()) > leaveBytes + chunkBytes) await file.write(Buffer.alloc(chunkBytes, 'ballast'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error; // somebody else was faster
    } finally {
      await file.close();
    }
  }

  /** Gives that room back. */
  async makeRoom(): Promise<void> {
    await rm(join(this.directory, 'ballast'), { force: true });
  }

  async unmount(): Promise<void> {
    await run('umount', [this.directory]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
