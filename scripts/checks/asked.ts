// Loaded into each process that runs a test file: asked by SIGUSR2 what keeps it from ending, it says so.
process.on('SIGUSR2', () => {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const listed = [...counts].map(([name, count]) => `${count} × ${name}`).join(', ');
  process.stderr.write(`still open in its process: ${listed === '' ? 'nothing' : listed}\n`);
});
