// A page that shows what a job makes: when the job is done, the page comes anew.
document.body.addEventListener("job-finished", () => setTimeout(() => location.reload(), 400));
