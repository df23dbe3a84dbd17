//! A kitchen: every analogy of the course as the line of code that it means, in both languages.
//!
//! One cook (thread, *fil*) looks after all pots (tasks, *tâches*). The event loop, *boucle
//! d'événements*, is the cook's round. `await`, *attendre*: "tell me when it boils". Orders come on
//! a rail (queue, *file*); there are two burners (semaphore, *sémaphore*); a slip with a number
//! means a dish that is not ready (future, *promesse*); what needs strong arms goes to the other
//! cook (pool, *réserve de fils*); a guest who leaves takes the order back (cancellation,
//! *annulation*), and the pot is washed all the same (cleanup, *nettoyage*).
//!
//! Course: visual guide, "Analogies finales" (E23). The clock is virtual, so the times are exact.
//!
//! ```text
//! cargo run --release -p course --bin kitchen
//! ```

use std::io;
use std::rc::Rc;

use myrt::runtime::Builder;
use myrt::sync::{Queue, Semaphore, oneshot};
use myrt::time::{Duration, Instant, sleep};

/// An order on the rail, and the other half of the guest's slip.
struct Order {
    dish: &'static str,
    minutes: u64,
    slip: oneshot::Sender<&'static str>,
}

struct Kitchen {
    opened: Instant,
    rail: Queue<Order>,
    burners: Semaphore,
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

impl Kitchen {
    fn tell(&self, text: &str) {
        println!("{:>3} min  {text}", self.opened.elapsed().as_secs() / 60);
    }

    /// A guest gets a slip at once, and the dish later: a promise.
    fn order(&self, dish: &'static str, minutes: u64) -> oneshot::Receiver<&'static str> {
        let (slip, promise) = oneshot::channel();
        let order = Order {
            dish,
            minutes,
            slip,
        };
        let placed = self.rail.put_nowait(order);
        assert!(placed.is_ok(), "the rail has no end");
        promise
    }

    /// The cook's round: takes each order from the rail and puts its pot on. Waiting for one pot
    /// stops no other.
    async fn cook(self: Rc<Self>) {
        while let Ok(order) = self.rail.get().await {
            let kitchen = Rc::clone(&self);
            drop(myrt::spawn(async move { kitchen.pot(order).await }));
        }
    }

    async fn pot(&self, order: Order) {
        let Order {
            dish,
            minutes: time,
            mut slip,
        } = order;
        let cooking = myrt::finally(
            async {
                let _burner = self.burners.acquire().await;
                self.tell(&format!("{dish}: on a burner (semaphore)"));
                sleep(minutes(time)).await; // tell me when it boils
            },
            async move || println!("         {dish}: the pot is washed (cleanup)"),
        );
        let done = myrt::select! {
            () = cooking => true,
            () = slip.closed() => false,
        };
        if done {
            let _ = slip.send(dish);
        } else {
            self.tell(&format!("{dish}: the guest has left (cancellation)"));
        }
    }
}

async fn evening() {
    let kitchen = Rc::new(Kitchen {
        opened: Instant::now(),
        rail: Queue::new(0),
        burners: Semaphore::new(2),
    });
    drop(myrt::spawn(Rc::clone(&kitchen).cook()));
    let guest = async |dish, time| {
        let slip = kitchen.order(dish, time);
        kitchen.tell(&format!("{dish}: ordered, a slip in the hand (future)"));
        if slip.await.is_ok() {
            kitchen.tell(&format!("{dish}: served (await)"));
        }
    };
    let impatient = async {
        let _slip = kitchen.order("snails", 90);
        sleep(minutes(5)).await; // and leaves, with the slip
    };
    let strong_arms = async {
        let kneaded = myrt::spawn_blocking(|| "dough: kneaded by the other cook (pool)").await;
        kitchen.tell(kneaded.unwrap_or("dough: dropped"));
    };
    myrt::join!(
        guest("soup", 10),
        impatient,
        guest("fish", 15),
        guest("bread", 5),
        strong_arms
    );
}

fn main() -> io::Result<()> {
    Builder::new()
        .start_paused(true)
        .build()?
        .block_on(evening());
    Ok(())
}
