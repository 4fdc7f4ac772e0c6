from worker.trainer.server import serve

serve()
